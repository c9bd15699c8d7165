table 62209 "WINS Cue"
{
    Caption = 'Cue', Comment = 'nl-NL="Winstore-signaal"';
    DataClassification = SystemMetadata;
    InherentEntitlements = RI;
    InherentPermissions = RI;

    fields
    {
        field(1; "Primary Key"; Code[10])
        {
            Caption = 'Primary Key', Comment = 'nl-NL="Primaire sleutel"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the key of the only record.', Comment = 'nl-NL="Hiermee wordt de sleutel van de enige record aangegeven."';
        }
        field(2; Failed; Integer)
        {
            Caption = 'Failed', Comment = 'nl-NL="Mislukt"';
            FieldClass = FlowField;
            CalcFormula = count("WINS Sync State" where(Result = const(Failed)));
            Editable = false;
            ToolTip = 'Specifies how many records failed in their newest run.', Comment = 'nl-NL="Hiermee wordt aangegeven hoeveel records in hun laatste uitvoering zijn mislukt."';
        }
        field(3; Skipped; Integer)
        {
            Caption = 'Skipped', Comment = 'nl-NL="Overgeslagen"';
            FieldClass = FlowField;
            CalcFormula = count("WINS Sync State" where(Result = const(Skipped)));
            Editable = false;
            ToolTip = 'Specifies how many records were skipped in their newest run.', Comment = 'nl-NL="Hiermee wordt aangegeven hoeveel records in hun laatste uitvoering zijn overgeslagen."';
        }
        field(4; Waiting; Integer)
        {
            Caption = 'Waiting', Comment = 'nl-NL="Wacht op een persoon"';
            FieldClass = FlowField;
            CalcFormula = count("WINS Sync State" where(Result = const(Waiting)));
            Editable = false;
            ToolTip = 'Specifies how many records wait for a person.', Comment = 'nl-NL="Hiermee wordt aangegeven hoeveel records op een persoon wachten."';
        }
    }

    keys
    {
        key(PK; "Primary Key")
        {
            Clustered = true;
        }
    }
}
