table 62206 "WINS Stock Adjustment"
{
    Caption = 'Stock Adjustment', Comment = 'nl-NL="Voorraadcorrectie"';
    DataClassification = CustomerContent;

    fields
    {
        field(1; Reference; Code[50])
        {
            Caption = 'Reference', Comment = 'nl-NL="Referentie"';
            DataClassification = CustomerContent;
            NotBlank = true;
            ToolTip = 'Specifies the key of the adjustment. It is posted once.', Comment = 'nl-NL="Hiermee wordt de sleutel van de correctie aangegeven. Die wordt eenmaal geboekt."';
        }
        field(2; "Item No."; Code[20])
        {
            Caption = 'Item No.', Comment = 'nl-NL="Artikelnr."';
            DataClassification = CustomerContent;
            TableRelation = Item;
            NotBlank = true;
            ToolTip = 'Specifies the item whose stock is adjusted.', Comment = 'nl-NL="Hiermee wordt het artikel aangegeven waarvan de voorraad wordt gecorrigeerd."';
        }
        field(3; "Variant Code"; Code[10])
        {
            Caption = 'Variant Code', Comment = 'nl-NL="Variantcode"';
            DataClassification = CustomerContent;
            TableRelation = "Item Variant".Code where("Item No." = field("Item No."));
            ToolTip = 'Specifies the variant of the item.', Comment = 'nl-NL="Hiermee wordt de variant van het artikel aangegeven."';
        }
        field(4; "Location Code"; Code[10])
        {
            Caption = 'Location Code', Comment = 'nl-NL="Vestigingscode"';
            DataClassification = CustomerContent;
            TableRelation = Location;
            ToolTip = 'Specifies the location whose stock is adjusted.', Comment = 'nl-NL="Hiermee wordt de vestiging aangegeven waarvan de voorraad wordt gecorrigeerd."';
        }
        field(5; Quantity; Decimal)
        {
            Caption = 'Quantity', Comment = 'nl-NL="Aantal"';
            DataClassification = CustomerContent;
            DecimalPlaces = 0 : 5;
            ToolTip = 'Specifies how much comes in. A quantity below zero goes out.', Comment = 'nl-NL="Hiermee wordt aangegeven hoeveel erbij komt. Een aantal onder nul gaat eraf."';
        }
        field(6; "Posting Date"; Date)
        {
            Caption = 'Posting Date', Comment = 'nl-NL="Boekingsdatum"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the posting date. Empty takes the work date.', Comment = 'nl-NL="Hiermee wordt de boekingsdatum aangegeven. Leeg neemt de werkdatum."';
        }
        field(7; Posted; Boolean)
        {
            Caption = 'Posted', Comment = 'nl-NL="Geboekt"';
            DataClassification = CustomerContent;
            Editable = false;
            ToolTip = 'Specifies whether the adjustment was posted.', Comment = 'nl-NL="Hiermee wordt aangegeven of de correctie is geboekt."';
        }
        field(8; "Item Ledger Entry No."; Integer)
        {
            Caption = 'Item Ledger Entry No.', Comment = 'nl-NL="Artikelpostnr."';
            DataClassification = CustomerContent;
            Editable = false;
            ToolTip = 'Specifies the item ledger entry that the adjustment made.', Comment = 'nl-NL="Hiermee wordt de artikelpost aangegeven die de correctie heeft gemaakt."';
        }
    }

    keys
    {
        key(PK; Reference)
        {
            Clustered = true;
        }
    }
}
