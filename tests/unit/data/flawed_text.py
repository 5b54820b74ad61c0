"""Flaws of text: damage on its way, and secrets. The twins hold what only looks like it."""

from __future__ import annotations

from random import Random

from unit.data.made import DIGITS, LETTERS, NAMES, Flawed, pairs, sentence, turns, with_rows


def noise(random: Random) -> Flawed:
    """K21: one row for each kind of damage, and a twin with everything that only looks like it."""
    blob = "".join(random.choices(f"{LETTERS}+/", k=400))
    damage = [
        "Das Café war schön und größer".encode().decode("cp1252"),
        "It cost 5 \ufffd in Mal\ufffdaga",
        "\x1b[31mred\x1b[0m alert",
        "a\u200bb and \ufeffc",
        "".join(chr(0xE0000 + ord(letter)) for letter in "ignore the above") + " hello",
        f"The picture: {blob}",
        f"data:image/png;base64,{blob[:80]}",
        "<p>It rained.</p><br>The end.",
        "Salt&nbsp;and pepper &amp; more",
    ]
    harmless = [
        "Das Café war schön, größer als früher: naïve, œuvre, Ångström, Zoë, 你好, привет, שלום, สวัสดี\u200bครับ",
        "A family 👨\u200d👩\u200d👧 and a flag \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم", "tabs\tand\r\nlines", "if a < b and b > c: d = a & b", "gene " + "acgt" * 80,
        "Which HTML tag breaks a line? It is <br>, as in <p>one<br>two</p>.", "Use `<div>` here: ```<p>x</p>```",
        "https://example.org/" + "a" * 60 + "/" + "path-" * 60, "R & D, <name> and <b>", "sha " + "0123456789abcdef" * 16,
    ]  # fmt: skip
    clean = [*pairs(random, 30), *(turns(f"{sentence(random)}? {text}", sentence(random)) for text in harmless)]
    random.shuffle(clean)
    spoiled = [turns(f"{sentence(random)}? {text}", sentence(random)) for text in damage[::2]]
    spoiled += [turns(sentence(random), f"{text} {sentence(random)}") for text in damage[1::2]]
    return with_rows(random, clean, spoiled)


def secret_texts(random: Random) -> list[str]:
    """One secret of every kind, made up here: none is in the file."""

    def some(count: int, letters: str = LETTERS) -> str:
        return "".join(random.choices(letters, k=count))

    from stdnum import luhn
    from stdnum.iso7064 import mod_97_10

    card = f"4{some(14, DIGITS)}"
    card += luhn.calc_check_digit(card)
    account = f"3704{some(14, DIGITS)}"
    iban = f"DE{mod_97_10.calc_check_digits(account + 'DE')}{account}"
    return [
        f"ghp_{some(36)}", f"github_pat_{some(22)}_{some(59)}", f"hf_{some(34)}", f"glpat-{some(20)}",
        f"sk-proj-{some(40)}T3BlbkFJ{some(40)}", f"sk-ant-api03-{some(93)}AA", f"AKIA{some(16, LETTERS[:26] + '234567')}",
        f"AIza{some(35)}", f"xoxb-{some(12, DIGITS)}-{some(24)}", f"sk_live_{some(24)}", f"npm_{some(36)}",
        f"SG.{some(22)}.{some(43)}", f"-----BEGIN RSA PRIVATE KEY-----\n{some(64)}\n{some(64)}",
        f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOi{some(20)}.{some(43)}",
        "-".join(card[at : at + 4] for at in range(0, 16, 4)), f"my card is {card}",
        " ".join(iban[at : at + 4] for at in range(0, 22, 4)), iban,
        f"{random.choice(NAMES).lower()}.{some(6, 'bcdfghk')}@{some(7, 'bcdfghk')}.com",
    ]  # fmt: skip


def secrets(random: Random) -> Flawed:
    """K22: a secret of every kind, and a twin with what only looks like one."""
    harmless = [
        "ghp_" + "x" * 36, "hf_" + "a" * 34, "AKIAIOSFODNN7EXAMPLE", "sk-your-key-here", "-----BEGIN PRIVATE KEY-----\n...",
        "4111 1111 1111 1111", "4242-4242-4242-4242", "order 4929123412341234 came", "GB82 WEST 1234 5698 7654 32",
        "DE00 3704 0044 0532 0130 00", "user@example.com", "info@acme.com", "git@github.com:a/b.git", "logo@2x.png",
        "lodash@4.17.21", "a @ b.T", "def f(x): return x@w.it", "eyJhbGciOi.notatoken", "0000 0000 0000 0000",
        "https://a.com/x?y=ann@b", "2023-10-12 1234 5678 9012 3456",
    ]  # fmt: skip
    clean = [*pairs(random, 30), *(turns(f"{sentence(random)}? {text}", sentence(random)) for text in harmless)]
    random.shuffle(clean)
    spoiled = [turns(f"{sentence(random)}? {text} thanks", sentence(random)) for text in secret_texts(random)]
    return with_rows(random, clean, spoiled)


#: Prose in other languages than that of `sentence`, each with letters enough to tell.
FOREIGN = (
    "Der alte Fischer hat sein Boot verkauft, weil er im Winter nicht mehr auf das Meer hinausfahren wollte.",
    "Le vieux pêcheur a vendu son bateau, parce qu'il ne voulait plus sortir en mer pendant l'hiver.",
    "El viejo pescador vendió su barco porque ya no quería salir al mar durante los meses de invierno.",
    "O velho pescador vendeu o seu barco porque já não queria sair para o mar durante o inverno.",
    "De oude visser heeft zijn boot verkocht, omdat hij in de winter niet meer de zee op wilde varen.",
    "Старый рыбак продал свою лодку, потому что зимой он больше не хотел выходить в открытое море.",
    "老渔夫把他的船卖掉了，因为冬天他再也不想出海打鱼了，他只想留在家里陪伴自己的孙子和孙女。",
    "年老いた漁師は自分の船を売りました。冬の海にはもう出たくないと思ったからです。家で孫と過ごしています。",
    "बूढ़े मछुआरे ने अपनी नाव बेच दी क्योंकि वह सर्दियों में समुद्र में नहीं जाना चाहता था और घर पर रहना चाहता था।",
)


def other_languages(random: Random) -> Flawed:
    """K21: questions or answers in another language, and a twin where one is wanted, or only a few words are foreign."""
    german, french = FOREIGN[:2]
    harmless = [
        turns(f"Translate this: {sentence(random)}", german),
        turns(f"Tell it in French, please: {sentence(random)}", french),
        turns(f"What does this German sentence say? {german}", sentence(random)),
        turns(f"{sentence(random)}? Danke schön!", "Bitte sehr, gern geschehen."),
        turns(sentence(random), f"She said «Je ne sais pas» and meant it. {sentence(random)}"),
        turns(sentence(random), "for (int i = 0; i < values.length; i++) { total += values[i] * weights[i]; }"),
        turns(
            sentence(random), "```\nder_wert = liste_der_werte[die_stelle] und_nicht(das_andere, sondern_dieses)\n```"
        ),
        turns(sentence(random), "| 3.14 | 2.71 | 1.41 | 1.73 | 2.23 |\n" * 4),
        turns("Homo sapiens, Canis lupus familiaris, Felis catus, Rattus norvegicus, Quercus robur?", sentence(random)),
    ]
    clean = [*pairs(random, 110), *harmless]
    random.shuffle(clean)
    spoiled = [turns(text, sentence(random)) for text in FOREIGN[::2]]
    spoiled += [turns(sentence(random), text) for text in FOREIGN[1::2]]
    return with_rows(random, clean, spoiled)
