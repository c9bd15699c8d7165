table 62208 "WINS Change Cursor"
{
    Caption = 'Change Cursor', Comment = 'nl-NL="Wijzigingscursor"';
    DataClassification = SystemMetadata;
    TableType = Temporary;

    fields
    {
        field(1; "Entry No."; Integer)
        {
            Caption = 'Entry No.', Comment = 'nl-NL="Volgnr."';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the number of the only record.', Comment = 'nl-NL="Hiermee wordt het nummer van de enige record aangegeven."';
        }
        field(2; "Minimum Active Row Version"; BigInteger)
        {
            Caption = 'Minimum Active Row Version', Comment = 'nl-NL="Laagste actieve rijversie"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the row version below which no transaction is open.', Comment = 'nl-NL="Hiermee wordt de rijversie aangegeven waaronder geen transactie openstaat."';
        }
        field(3; "Last Used Row Version"; BigInteger)
        {
            Caption = 'Last Used Row Version', Comment = 'nl-NL="Laatste rijversie"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the newest row version.', Comment = 'nl-NL="Hiermee wordt de nieuwste rijversie aangegeven."';
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
