table 62207 "WINS Capability"
{
    Caption = 'Capability', Comment = 'nl-NL="Mogelijkheid"';
    DataClassification = SystemMetadata;

    fields
    {
        field(1; "Entity Set Name"; Text[50])
        {
            Caption = 'Entity Set Name', Comment = 'nl-NL="Naam van de entiteitset"';
            DataClassification = SystemMetadata;
        }
        field(2; "App Version"; Text[30])
        {
            Caption = 'App Version', Comment = 'nl-NL="Versie van de app"';
            DataClassification = SystemMetadata;
        }
        field(3; "Since Version"; Text[30])
        {
            Caption = 'Since Version', Comment = 'nl-NL="Sinds versie"';
            DataClassification = SystemMetadata;
        }
        field(4; "Can Read"; Boolean)
        {
            Caption = 'Can Read', Comment = 'nl-NL="Mag lezen"';
            DataClassification = SystemMetadata;
        }
        field(5; "Can Write"; Boolean)
        {
            Caption = 'Can Write', Comment = 'nl-NL="Mag schrijven"';
            DataClassification = SystemMetadata;
        }
        field(10; Id; Guid)
        {
            Caption = 'Id', Comment = 'nl-NL="Id"';
            DataClassification = SystemMetadata;
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
