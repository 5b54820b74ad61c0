"""Kahneman-Tversky optimization: each answer is wanted or not, and need not come in pairs."""

# <imports>
from trl import KTOConfig, KTOTrainer, extract_prompt, unpair_preference_dataset
# </imports>


# <trainer>
def make_trainer(rows: Dataset, held_out: Dataset | None, arguments: dict) -> KTOTrainer:
    # <unless adapter>
    model = MODEL
    # </unless>
    # <when adapter>
    model = with_adapter(AutoModelForCausalLM)
    # </when>
    rows = answers(rows)
    # The reference is the model as it is now: TRL keeps a copy of it, or switches the adapter off.
    return KTOTrainer(
        model=model,
        processing_class=tokenizer(),
        train_dataset=rows,
        eval_dataset=answers(held_out) if held_out else None,
        # <when lora_rank>
        peft_config=LORA,
        # </when>
        # <when loads_four_bit>
        quantization_config=four_bits(),
        # </when>
        args=KTOConfig(
            **arguments,
            max_length=MAX_LENGTH,
            beta=BETA,
            **balance(rows),
        ),
    )


def answers(rows: Dataset) -> Dataset:
    """One answer a row, mixed: TRL goes through them in order, and of pairs it would take all that are wanted first."""
    if "prompt" not in rows.column_names:
        rows = rows.map(extract_prompt)
    if "label" not in rows.column_names:
        rows = unpair_preference_dataset(rows)
    return rows.shuffle(seed=SEED)


def balance(rows: Dataset) -> dict:
    """Weights that make wanted and unwanted answers count alike, however many there are of each."""
    wanted = sum(rows["label"])
    unwanted = len(rows) - wanted
    if not wanted or not unwanted:
        raise SystemExit("the rows are all wanted or all unwanted; KTO learns from the difference")
    return {"desirable_weight": max(1.0, unwanted / wanted), "undesirable_weight": max(1.0, wanted / unwanted)}


# </trainer>
