"""Group relative policy optimization: several answers to each prompt are tried, and those that score better are learned."""

# <imports>
from trl import GRPOConfig, GRPOTrainer
# </imports>


# <trainer>
def make_trainer(rows: Dataset, held_out: Dataset | None, arguments: dict) -> GRPOTrainer:
    # <unless adapter>
    model = MODEL
    # </unless>
    # <when adapter>
    model = with_adapter(AutoModelForCausalLM)
    # </when>
    return GRPOTrainer(
        model=model,
        processing_class=tokenizer(),
        reward_funcs=REWARDS,
        # <when environment>
        environment_factory=ENVIRONMENT,
        # </when>
        train_dataset=rows,
        eval_dataset=held_out,
        # <when lora_rank>
        peft_config=LORA,
        # </when>
        # <when loads_four_bit>
        quantization_config=four_bits(),
        # </when>
        args=GRPOConfig(
            **arguments,
            num_generations=NUM_GENERATIONS,
            max_completion_length=MAX_COMPLETION_LENGTH,
            temperature=1.0,  # what is scored is what the model would really say
            reward_weights=REWARD_WEIGHTS,
            beta=BETA,
        ),
    )


# </trainer>
