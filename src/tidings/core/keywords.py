"""The words with which people stop, start or ask about messages, in many languages.

A word counts only as the whole message: "STOP" stops, "please stop by tomorrow" does not. Sources: Twilio's and AWS's keyword lists
(the English ones), the CWTA's short code rules (ARRET, AIDE), and each language's plain word for it.
"""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

Keyword = Literal["stop", "start", "help"]

# Written here as people type them; `_plain` takes accents, case, spaces and punctuation away on both sides.
_WORDS: Final[dict[Keyword, dict[str, str]]] = {
    "stop": {
        "en": "stop, stop all, stopall, unsubscribe, end, quit, cancel, revoke, opt out, optout, remove, remove me, td, stop sms, unsub",
        "fr": "arrêt, arrêter, arrêtez, stopper, désabonner, désabonnement, désinscription, désinscrire",
        "es": "alto, baja, parar, detener, cancelar, darse de baja, dar de baja, no más",
        "pt": "sair, parar, pare, cancelar, descadastrar, remover",
        "de": "stopp, abmelden, abbestellen, abbrechen, austragen",
        "it": "fermare, ferma, basta, disiscrivi, cancella, annulla",
        "nl": "stoppen, afmelden, uitschrijven",
        "sw": "acha, simamisha, sitisha, ondoa, komesha, jiondoe",
        "am": "አቁም",
        "ar": "توقف, إيقاف, إلغاء, الغاء الاشتراك, قف",
        "ha": "tsaya, daina",
        "id": "berhenti, batal, hentikan",
        "hi": "रोकें, बंद, बंद करो",
        "pl": "zatrzymaj, wypisz, rezygnuję",
        "ro": "oprire, dezabonare",
        "ru": "стоп, отписаться, отмена, отписка",
        "rw": "hagarika",
        "so": "jooji",
        "sv": "stoppa, avsluta, sluta, avregistrera",
        "tr": "dur, durdur, iptal, ret, çık",
        "uk": "відписатися, стоп",
        "vi": "dừng, hủy, ngừng",
        "yo": "duro",
        "zh": "停止, 退订, 退訂, 取消",
        "zu": "misa",
    },
    "start": {
        "en": "start, unstop, yes, subscribe, opt in, optin, resume, begin",
        "fr": "début, commencer, démarrer, oui, abonner, reprendre",
        "es": "inicio, iniciar, empezar, comenzar, alta, sí, reanudar",
        "pt": "iniciar, começar, voltar, sim, entrar",
        "de": "starten, anmelden, ja, weiter",
        "it": "inizia, avvia, iscrivi",
        "nl": "starten, aanmelden",
        "sw": "anza, ndiyo, endelea, jiunge",
        "ar": "ابدأ, نعم, اشتراك",
        "ru": "старт, да, подписаться",
        "zh": "开始, 訂閱, 订阅",
    },
    "help": {
        "en": "help, info, information, support",
        "fr": "aide, aidez moi, infos",
        "es": "ayuda, información",
        "pt": "ajuda, informação",
        "de": "hilfe, infos",
        "it": "aiuto",
        "nl": "hulp",
        "sw": "msaada, saidia, usaidizi",
        "ar": "مساعدة",
        "ru": "помощь",
        "zh": "帮助, 幫助",
    },
}

_CONFIRMATIONS: Final[dict[Keyword, dict[str, str]]] = {
    "stop": {
        "en": "You are unsubscribed and will get no more messages from us. Reply START to get them again.",
        "fr": "Vous êtes désabonné et ne recevrez plus de messages de notre part. Répondez START pour les recevoir à nouveau.",
        "es": "Has cancelado la suscripción y no recibirás más mensajes. Responde START para volver a recibirlos.",
        "pt": "A sua subscrição foi cancelada e não receberá mais mensagens. Responda START para voltar a recebê-las.",
        "de": "Sie sind abgemeldet und erhalten keine Nachrichten mehr von uns. Antworten Sie START, um wieder welche zu erhalten.",
        "it": "La tua iscrizione è annullata e non riceverai altri messaggi. Rispondi START per riceverli di nuovo.",
        "sw": "Umejiondoa na hutapokea tena ujumbe kutoka kwetu. Jibu START ili kupokea tena.",
    },
    "start": {
        "en": "You will get messages from us again. Reply STOP to end them.",
        "fr": "Vous recevrez à nouveau nos messages. Répondez STOP pour ne plus en recevoir.",
        "es": "Volverás a recibir nuestros mensajes. Responde STOP para dejar de recibirlos.",
        "pt": "Voltará a receber as nossas mensagens. Responda STOP para deixar de as receber.",
        "de": "Sie erhalten wieder Nachrichten von uns. Antworten Sie STOP, um sie zu beenden.",
        "it": "Riceverai di nuovo i nostri messaggi. Rispondi STOP per non riceverne più.",
        "sw": "Utapokea tena ujumbe kutoka kwetu. Jibu STOP ili kuacha kupokea.",
    },
    "help": {
        "en": "Reply STOP to get no more messages from us, START to get them again.",
        "fr": "Répondez STOP pour ne plus recevoir nos messages, START pour les recevoir à nouveau.",
        "es": "Responde STOP para no recibir más mensajes, START para volver a recibirlos.",
        "pt": "Responda STOP para não receber mais mensagens, START para voltar a recebê-las.",
        "de": "Antworten Sie STOP, um keine Nachrichten mehr zu erhalten, START, um wieder welche zu erhalten.",
        "it": "Rispondi STOP per non ricevere altri messaggi, START per riceverli di nuovo.",
        "sw": "Jibu STOP ili usipokee tena ujumbe kutoka kwetu, START ili kupokea tena.",
    },
}
_LONGEST: Final = 40  # characters; no keyword with its decorations is longer, and inbound texts may be huge


def _plain(text: str) -> str:
    """A text without case, accents, spaces and punctuation: "« Arrêt ! »" and "ARRET" become the same."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in spread if unicodedata.category(character)[0] in "LN")


_MEANINGS: Final[dict[str, tuple[Keyword, str]]] = {}
for _keyword, _languages in _WORDS.items():
    for _language, _list in _languages.items():
        for _word in _list.split(","):
            _MEANINGS.setdefault(_plain(_word), (_keyword, _language))


def read_keyword(text: str) -> Keyword | None:
    """What a message asks for when it is nothing but one of the words."""
    meaning = _meaning(text)
    return meaning[0] if meaning else None


def keyword_language(text: str) -> str | None:
    """The language of the word, for answering in it; None when the text is no such word."""
    meaning = _meaning(text)
    return meaning[1] if meaning else None


def confirmation(keyword: Keyword, locale: str | None) -> str:
    """The one answer to a keyword, in the locale's language or else in English. At most 160 characters."""
    language = (locale or "en").replace("_", "-").split("-")[0].lower()
    texts = _CONFIRMATIONS[keyword]
    return texts.get(language, texts["en"])


def _meaning(text: str) -> tuple[Keyword, str] | None:
    return None if len(text.strip()) > _LONGEST else _MEANINGS.get(_plain(text))
