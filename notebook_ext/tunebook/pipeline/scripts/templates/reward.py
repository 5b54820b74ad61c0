"""A reward model: a score of an answer, higher for the chosen one of each pair."""

# <imports>
from trl import RewardConfig, RewardTrainer
# </imports>


# <trainer>
def make_trainer(rows: Dataset, held_out: Dataset | None, arguments: dict) -> RewardTrainer:
    # <unless adapter>
    model = MODEL
    # </unless>
    # <when adapter>
    model = with_adapter(AutoModelForSequenceClassification, num_labels=1)
    # </when>
    # The language model, with one number in place of its next token.
    return RewardTrainer(
        model=model,
        processing_class=tokenizer(),
        train_dataset=rows,
        eval_dataset=held_out,
        # <when lora_rank>
        peft_config=LORA,
        # </when>
        # <when loads_four_bit>
        quantization_config=four_bits(),
        # </when>
        args=RewardConfig(
            **arguments,
            max_length=MAX_LENGTH,
            center_rewards_coefficient=0.01,  # scores stay around zero, so that they can be compared between prompts
        ),
    )


# </trainer>
