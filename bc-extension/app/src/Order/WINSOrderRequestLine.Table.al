table 62204 "WINS Order Request Line"
{
    Caption = 'Order Request Line', Comment = 'nl-NL="Orderaanvraagregel"';
    DataClassification = CustomerContent;

    fields
    {
        field(1; "Request Id"; Guid)
        {
            Caption = 'Request Id', Comment = 'nl-NL="Aanvraag-id"';
            DataClassification = SystemMetadata;
            TableRelation = "WINS Order Request".SystemId;
            ToolTip = 'Specifies the request to which the line belongs.', Comment = 'nl-NL="Hiermee wordt de aanvraag aangegeven waarbij de regel hoort."';
        }
        field(2; "Line No."; Integer)
        {
            Caption = 'Line No.', Comment = 'nl-NL="Regelnr."';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the place of the line.', Comment = 'nl-NL="Hiermee wordt de plaats van de regel aangegeven."';
        }
        field(3; Type; Enum "Sales Line Type")
        {
            Caption = 'Type', Comment = 'nl-NL="Soort"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies what the line is about.', Comment = 'nl-NL="Hiermee wordt aangegeven waarover de regel gaat."';
        }
        field(4; "No."; Code[20])
        {
            Caption = 'No.', Comment = 'nl-NL="Nr."';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the number of the item, account or item charge.', Comment = 'nl-NL="Hiermee wordt het nummer van het artikel, de rekening of de artikeltoeslag aangegeven."';
        }
        field(5; "Variant Code"; Code[10])
        {
            Caption = 'Variant Code', Comment = 'nl-NL="Variantcode"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the variant of the item.', Comment = 'nl-NL="Hiermee wordt de variant van het artikel aangegeven."';
        }
        field(6; "Unit of Measure Code"; Code[10])
        {
            Caption = 'Unit of Measure Code', Comment = 'nl-NL="Eenheidscode"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the unit of the quantity. Empty takes the sales unit of the item.', Comment = 'nl-NL="Hiermee wordt de eenheid van het aantal aangegeven. Leeg neemt de verkoopeenheid van het artikel."';
        }
        field(7; "Location Code"; Code[10])
        {
            Caption = 'Location Code', Comment = 'nl-NL="Vestigingscode"';
            DataClassification = CustomerContent;
            TableRelation = Location;
            ToolTip = 'Specifies the location from which the line is delivered.', Comment = 'nl-NL="Hiermee wordt de vestiging aangegeven van waaruit de regel wordt geleverd."';
        }
        field(8; Description; Text[100])
        {
            Caption = 'Description', Comment = 'nl-NL="Omschrijving"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the description of the line. Empty takes that of the item.', Comment = 'nl-NL="Hiermee wordt de omschrijving van de regel aangegeven. Leeg neemt die van het artikel."';
        }
        field(9; Quantity; Decimal)
        {
            Caption = 'Quantity', Comment = 'nl-NL="Aantal"';
            DataClassification = CustomerContent;
            DecimalPlaces = 0 : 5;
            ToolTip = 'Specifies how many are sold.', Comment = 'nl-NL="Hiermee wordt aangegeven hoeveel er is verkocht."';
        }
        field(10; "Unit Price"; Decimal)
        {
            Caption = 'Unit Price', Comment = 'nl-NL="Eenheidsprijs"';
            DataClassification = CustomerContent;
            AutoFormatType = 2;
            ToolTip = 'Specifies the price of one unit.', Comment = 'nl-NL="Hiermee wordt de prijs van een eenheid aangegeven."';
        }
        field(11; "Line Discount Amount"; Decimal)
        {
            Caption = 'Line Discount Amount', Comment = 'nl-NL="Regelkortingsbedrag"';
            DataClassification = CustomerContent;
            AutoFormatType = 1;
            ToolTip = 'Specifies the discount on the line.', Comment = 'nl-NL="Hiermee wordt de korting op de regel aangegeven."';
        }
        field(12; "VAT Prod. Posting Group"; Code[20])
        {
            Caption = 'VAT Prod. Posting Group', Comment = 'nl-NL="Btw-productboekingsgroep"';
            DataClassification = CustomerContent;
            TableRelation = "VAT Product Posting Group";
            ToolTip = 'Specifies the VAT product posting group. Empty takes that of the item or account.', Comment = 'nl-NL="Hiermee wordt de btw-productboekingsgroep aangegeven. Leeg neemt die van het artikel of de rekening."';
        }
        field(13; "Line Discount %"; Decimal)
        {
            Caption = 'Line Discount %', Comment = 'nl-NL="Regelkorting %"';
            DataClassification = CustomerContent;
            DecimalPlaces = 0 : 5;
            ToolTip = 'Specifies the discount on the line in per cent. An amount counts before it.', Comment = 'nl-NL="Hiermee wordt de korting op de regel als percentage aangegeven. Een bedrag gaat voor."';
        }
    }

    keys
    {
        key(PK; "Request Id", "Line No.")
        {
            Clustered = true;
        }
    }
}
