table 62201 "WINS Stock Change"
{
    Caption = 'Stock Change', Comment = 'nl-NL="Voorraadwijziging"';
    DataClassification = CustomerContent;

    fields
    {
        field(1; "Entry No."; BigInteger)
        {
            Caption = 'Entry No.', Comment = 'nl-NL="Volgnr."';
            DataClassification = SystemMetadata;
            AutoIncrement = true;
            ToolTip = 'Specifies the number of the change.', Comment = 'nl-NL="Hiermee wordt het nummer van de wijziging aangegeven."';
        }
        field(2; "Item No."; Code[20])
        {
            Caption = 'Item No.', Comment = 'nl-NL="Artikelnr."';
            DataClassification = CustomerContent;
            TableRelation = Item;
            ToolTip = 'Specifies the item whose stock changed.', Comment = 'nl-NL="Hiermee wordt het artikel aangegeven waarvan de voorraad is gewijzigd."';
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
            ToolTip = 'Specifies the location whose stock changed.', Comment = 'nl-NL="Hiermee wordt de vestiging aangegeven waarvan de voorraad is gewijzigd."';
        }
        field(5; Source; Enum "WINS Change Source")
        {
            Caption = 'Source', Comment = 'nl-NL="Bron"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies what changed the stock.', Comment = 'nl-NL="Hiermee wordt aangegeven waardoor de voorraad is gewijzigd."';
        }
        field(6; "Entry Type"; Enum "Item Ledger Entry Type")
        {
            Caption = 'Entry Type', Comment = 'nl-NL="Postsoort"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the type of the item ledger entry.', Comment = 'nl-NL="Hiermee wordt de soort van de artikelpost aangegeven."';
        }
        field(7; Correction; Boolean)
        {
            Caption = 'Correction', Comment = 'nl-NL="Correctie"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies whether the item ledger entry corrects another one.', Comment = 'nl-NL="Hiermee wordt aangegeven of de artikelpost een andere post corrigeert."';
        }
    }

    keys
    {
        key(PK; "Entry No.")
        {
            Clustered = true;
        }
    }
}
