"""Group relative policy optimization: several answers to each prompt are tried, and those that score better are learned."""

# <imports>
from trl import GRPOConfig, GRPOTrainer
# </imports>


# <trainer>
class InSameOrder(GRPOTrainer):
    """Prompts come in an order that a resumed run finds again, also in a later epoch."""

    def _get_train_sampler(self, *given):
        sampler = super()._get_train_sampler(*given)
        sampler.set_epoch = lambda epoch: sampler.generator.manual_seed(SEED + epoch)
        return sampler


def make_trainer(rows: Dataset, held_out: Dataset | None, arguments: dict) -> GRPOTrainer:
    # <unless adapter>
    model = MODEL
    # </unless>
    # <when adapter>
    model = with_adapter(AutoModelForCausalLM)
    # </when>
    return InSameOrder(
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
