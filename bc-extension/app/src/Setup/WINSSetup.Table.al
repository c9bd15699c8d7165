table 62200 "WINS Setup"
{
    Caption = 'Setup', Comment = 'nl-NL="Winstore-instellingen"';
    DataClassification = CustomerContent;
    InherentEntitlements = R;
    InherentPermissions = R;

    fields
    {
        field(1; "Primary Key"; Code[10])
        {
            Caption = 'Primary Key', Comment = 'nl-NL="Primaire sleutel"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the key of the only record.', Comment = 'nl-NL="Hiermee wordt de sleutel van de enige record aangegeven."';
        }
        field(2; "Sync Enabled"; Boolean)
        {
            Caption = 'Sync Enabled', Comment = 'nl-NL="Synchronisatie aan"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies whether Winstore may be kept in step with this company. In a copied environment it is switched off.', Comment = 'nl-NL="Hiermee wordt aangegeven of Winstore met dit bedrijf mag worden gesynchroniseerd. In een gekopieerde omgeving staat dit uit."';
        }
        field(3; "Dashboard Address"; Text[250])
        {
            Caption = 'Dashboard Address', Comment = 'nl-NL="Adres van het dashboard"';
            DataClassification = CustomerContent;
            ExtendedDatatype = URL;
            ToolTip = 'Specifies the address of the page that shows what is kept in step.', Comment = 'nl-NL="Hiermee wordt het adres van de pagina aangegeven die laat zien wat wordt gesynchroniseerd."';
        }
        field(4; "Use Marketing Text"; Boolean)
        {
            Caption = 'Use Marketing Text', Comment = 'nl-NL="Marketingtekst gebruiken"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies whether the long description of an item is also its marketing text.', Comment = 'nl-NL="Hiermee wordt aangegeven of de lange omschrijving van een artikel ook de marketingtekst is."';
        }
        field(5; "Adjustment Reason Code"; Code[10])
        {
            Caption = 'Adjustment Reason Code', Comment = 'nl-NL="Redencode van correcties"';
            DataClassification = CustomerContent;
            TableRelation = "Reason Code";
            ToolTip = 'Specifies the reason code of stock adjustments that come from Winstore.', Comment = 'nl-NL="Hiermee wordt de redencode van voorraadcorrecties uit Winstore aangegeven."';
        }
    }

    keys
    {
        key(PK; "Primary Key")
        {
            Clustered = true;
        }
    }

    /// <summary>
    /// Tells whether Winstore may be kept in step with this company.
    /// </summary>
    procedure IsSyncOn(): Boolean
    begin
        if not Rec.Get() then
            exit(false);
        exit(Rec."Sync Enabled");
    end;
}
