"""Direct preference optimization: what sets the chosen answer apart from the rejected one is learned."""

# <imports>
from trl import DPOConfig, DPOTrainer
# </imports>


# <trainer>
def make_trainer(rows: Dataset, held_out: Dataset | None, arguments: dict) -> DPOTrainer:
    # <unless adapter>
    model = MODEL
    # </unless>
    # <when adapter>
    model = with_adapter(AutoModelForCausalLM)
    # </when>
    # The reference is the model as it is now: TRL keeps a copy of it, or switches the adapter off.
    return DPOTrainer(
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
        args=DPOConfig(
            **arguments,
            max_length=MAX_LENGTH,
            beta=BETA,
        ),
    )


# </trainer>
