"""Names, streets and goods of several languages and scripts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """Words of one language, each list separated by `/`, and the country where most of its customers live."""

    country: str
    first: str
    last: str
    streets: str
    cities: str
    goods: str
    categories: str


LANGUAGES = (
    Language(
        "NL",
        "Anneke/Bram/Ïsa/Jan-Willem",
        "van 't Hoff/de Vries/Jansen/IJzerman",
        "Kerkweg/'s-Gravenweg/Lange Laan",
        "Utrecht/'s-Hertogenbosch/IJmuiden",
        "Mok/Theepot/Vaas/Kaars",
        "Keuken/Tuin/Huishoudelijke apparaten en elektronica",
    ),
    Language(
        "DE",
        "Jürgen/Änne/Groß/Lena",
        "Müller-Lüdenscheidt/Weiß/Öztürk/Schäfer",
        "Hauptstraße/Am Alten Brühl/Königsallee",
        "Köln/Münster/Gießen",
        "Becher/Kanne/Hängelampe/Körbchen",
        "Küche/Büro/Spaß & Spiel",
    ),
    Language(
        "FR",
        "Zoé/François/Maëlle/Cœur",
        "d'Aubigné/Lefèvre/Çelik/Le Goff",
        "rue de l'Église/Chemin du Bœuf/Impasse Nº 7",
        "Lille/Nîmes/L'Haÿ-les-Roses",
        "Tasse/Théière/Lampe à pétrole/Panier",
        "Cuisine/Jardin/Jeux d'été",
    ),
    Language(
        "PL",
        "Łukasz/Żaneta/Grażyna/Jędrzej",
        "Brzęczyszczykiewicz/Wójcik/Śliwa/Ćwikła",
        "ul. Świętokrzyska/al. Jerozolimskie/ul. Łąkowa",
        "Łódź/Gdańsk/Świnoujście",
        "Kubek/Czajnik/Świeca/Łyżka",
        "Kuchnia/Ogród/Zabawki",
    ),
    Language(
        "GR",
        "Γιώργος/Ελένη/Νίκος/Σοφία",
        "Παπαδόπουλος/Οικονόμου/Αλεξίου/Κωστής",
        "Οδός Ερμού/Λεωφόρος Αθηνών/Πλατεία Αγοράς",
        "Αθήνα/Θεσσαλονίκη/Πάτρα",
        "Κούπα/Τσαγιέρα/Κερί/Καλάθι",
        "Κουζίνα/Κήπος/Παιχνίδια",
    ),
    Language(
        "AE",
        "محمد/فاطمة/عمر/ليلى",
        "الهاشمي/بن سعيد/المنصوري/النجار",
        "شارع الشيخ زايد/طريق الكورنيش/شارع النخيل",
        "دبي/أبوظبي/الشارقة",
        "كوب/إبريق شاي/شمعة/سلة",
        "المطبخ/الحديقة/ألعاب",
    ),
    Language(
        "JP",
        "太郎/花子/健一/さくら",
        "佐藤/鈴木/髙橋/渡邊",
        "中央通り/桜丘町/本町一丁目",
        "東京/大阪/札幌",
        "湯呑み/急須/ろうそく/かご",
        "台所/庭/おもちゃ",
    ),
)
EMOJI = "🎁🧸👩‍👩‍👧"
RIGHT_TO_LEFT = "שָׁלוֹם‏ (كوب)"
MARKUP = 'O\'Neil & "Söhne" <b>=1+1</b>; --'
