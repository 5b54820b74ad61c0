"""Supervised fine-tuning: the completion, or every answer of a conversation, is learned."""

# <imports>
from trl import SFTConfig, SFTTrainer
# </imports>


# <trainer>
# <unless packing>
class ByLength(SFTTrainer):
    """Rows of like length share a batch, so that little is computed on padding, in an order that a resumed run finds again."""

    def _get_train_sampler(self, *given):
        sampler = super()._get_train_sampler(*given)
        sampler.generator = torch.Generator().manual_seed(SEED)
        sampler.set_epoch = lambda epoch: sampler.generator.manual_seed(SEED + epoch)
        return sampler


# </unless>
def make_trainer(rows: Dataset, held_out: Dataset | None, arguments: dict) -> SFTTrainer:
    # <unless adapter>
    model = MODEL
    # </unless>
    # <when adapter>
    model = with_adapter(AutoModelForCausalLM)
    # </when>
    # <when packing>
    trainer = SFTTrainer
    # </when>
    # <unless packing>
    trainer = ByLength
    # </unless>
    return trainer(
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
            # <unless packing>
            train_sampling_strategy="group_by_length",
            # </unless>
            **DATA_SETTINGS,
        ),
    )


# </trainer>
