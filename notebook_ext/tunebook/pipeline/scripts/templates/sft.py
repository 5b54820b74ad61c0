"""Supervised fine-tuning: the completion, or every answer of a conversation, is learned."""

# <imports>
from trl import SFTConfig, SFTTrainer
# </imports>


# <trainer>
def make_trainer(rows: Dataset, held_out: Dataset | None, arguments: dict) -> SFTTrainer:
    # <unless adapter>
    model = MODEL
    # </unless>
    # <when adapter>
    model = with_adapter(AutoModelForCausalLM)
    # </when>
    return SFTTrainer(
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
        args=SFTConfig(
            **arguments,
            max_length=MAX_LENGTH,
            packing=PACKING,
            # Rows of like length share a batch, so that little is computed on padding; packed rows have none.
            train_sampling_strategy="random" if PACKING else "group_by_length",
            **DATA_SETTINGS,
        ),
    )


# </trainer>
