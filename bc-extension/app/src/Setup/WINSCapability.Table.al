table 62207 "WINS Capability"
{
    Caption = 'Capability', Comment = 'nl-NL="Mogelijkheid"';
    DataClassification = SystemMetadata;
    TableType = Temporary;

    fields
    {
        field(1; "Entity Set Name"; Text[50])
        {
            Caption = 'Entity Set Name', Comment = 'nl-NL="Naam van de entiteitset"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies an entity set of the app.', Comment = 'nl-NL="Hiermee wordt een entiteitset van de app aangegeven."';
        }
        field(2; "App Version"; Text[30])
        {
            Caption = 'App Version', Comment = 'nl-NL="Versie van de app"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the version of the app.', Comment = 'nl-NL="Hiermee wordt de versie van de app aangegeven."';
        }
        field(3; "Since Version"; Text[30])
        {
            Caption = 'Since Version', Comment = 'nl-NL="Sinds versie"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the version of the app in which the entity set came.', Comment = 'nl-NL="Hiermee wordt de versie van de app aangegeven waarin de entiteitset is gekomen."';
        }
        field(4; "Can Read"; Boolean)
        {
            Caption = 'Can Read', Comment = 'nl-NL="Mag lezen"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies whether the user may read the records.', Comment = 'nl-NL="Hiermee wordt aangegeven of de gebruiker de records mag lezen."';
        }
        field(5; "Can Write"; Boolean)
        {
            Caption = 'Can Write', Comment = 'nl-NL="Mag schrijven"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies whether the user may insert, modify and delete records.', Comment = 'nl-NL="Hiermee wordt aangegeven of de gebruiker records mag invoegen, wijzigen en verwijderen."';
        }
        field(6; "Sync Enabled"; Boolean)
        {
            Caption = 'Sync Enabled', Comment = 'nl-NL="Synchronisatie aan"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies whether the company may be kept in step.', Comment = 'nl-NL="Hiermee wordt aangegeven of het bedrijf mag worden gesynchroniseerd."';
        }
    }

    keys
    {
        key(PK; "Entity Set Name")
        {
            Clustered = true;
        }
    }
}
