table 62205 "WINS Sync State"
{
    Caption = 'Sync State', Comment = 'nl-NL="Synchronisatiestatus"';
    DataClassification = CustomerContent;
    InherentEntitlements = R;
    InherentPermissions = R;
    LookupPageId = "WINS Sync States";
    DrillDownPageId = "WINS Sync States";

    fields
    {
        field(1; Flow; Code[50])
        {
            Caption = 'Flow', Comment = 'nl-NL="Stroom"';
            DataClassification = SystemMetadata;
            NotBlank = true;
            ToolTip = 'Specifies what is kept in step, and in which direction.', Comment = 'nl-NL="Hiermee wordt aangegeven wat wordt gesynchroniseerd, en in welke richting."';
        }
        field(2; "Source Key"; Code[50])
        {
            Caption = 'Source Key', Comment = 'nl-NL="Bronsleutel"';
            DataClassification = CustomerContent;
            NotBlank = true;
            ToolTip = 'Specifies the number of the record in the system that it comes from.', Comment = 'nl-NL="Hiermee wordt het nummer van de record in het bronsysteem aangegeven."';
        }
        field(3; "Record Kind"; Enum "WINS Record Kind")
        {
            Caption = 'Record Kind', Comment = 'nl-NL="Recordsoort"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies which kind of record it is.', Comment = 'nl-NL="Hiermee wordt aangegeven om welke soort record het gaat."';
        }
        field(4; "Record Id"; Guid)
        {
            Caption = 'Record Id', Comment = 'nl-NL="Record-id"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the id of the record in Business Central.', Comment = 'nl-NL="Hiermee wordt de id van de record in Business Central aangegeven."';
        }
        field(5; "Record No."; Code[20])
        {
            Caption = 'Record No.', Comment = 'nl-NL="Recordnr."';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the number of the record in Business Central.', Comment = 'nl-NL="Hiermee wordt het nummer van de record in Business Central aangegeven."';
        }
        field(6; Direction; Enum "WINS Direction")
        {
            Caption = 'Direction', Comment = 'nl-NL="Richting"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the direction in which the record goes.', Comment = 'nl-NL="Hiermee wordt de richting aangegeven waarin de record gaat."';
        }
        field(7; Result; Enum "WINS Sync Result")
        {
            Caption = 'Result', Comment = 'nl-NL="Resultaat"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies what became of the record in the newest run.', Comment = 'nl-NL="Hiermee wordt aangegeven wat er in de laatste uitvoering met de record is gebeurd."';
        }
        field(8; "Reason Code"; Code[50])
        {
            Caption = 'Reason Code', Comment = 'nl-NL="Redencode"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the code of the reason, as the manual lists it.', Comment = 'nl-NL="Hiermee wordt de code van de reden aangegeven, zoals in de handleiding."';
        }
        field(9; Message; Text[250])
        {
            Caption = 'Message', Comment = 'nl-NL="Bericht"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies what to do about it.', Comment = 'nl-NL="Hiermee wordt aangegeven wat eraan te doen is."';
        }
        field(10; "Happened At"; DateTime)
        {
            Caption = 'Happened At', Comment = 'nl-NL="Tijdstip"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies when it happened.', Comment = 'nl-NL="Hiermee wordt aangegeven wanneer het is gebeurd."';
        }
        field(11; Link; Text[250])
        {
            Caption = 'Link', Comment = 'nl-NL="Koppeling"';
            DataClassification = SystemMetadata;
            ExtendedDatatype = URL;
            ToolTip = 'Specifies where the record is shown with its history.', Comment = 'nl-NL="Hiermee wordt aangegeven waar de record met zijn geschiedenis wordt getoond."';
        }
    }

    keys
    {
        key(PK; Flow, "Source Key")
        {
            Clustered = true;
        }
        key(Record; "Record Kind", "Record Id")
        {
        }
        key(Result; Result)
        {
        }
    }

    /// <summary>
    /// Opens the card of the record.
    /// </summary>
    procedure ShowRecord()
    var
        Customer: Record Customer;
        Item: Record Item;
        SalesHeader: Record "Sales Header";
    begin
        case Rec."Record Kind" of
            Rec."Record Kind"::Item:
                if Item.GetBySystemId(Rec."Record Id") then
                    Page.Run(Page::"Item Card", Item);
            Rec."Record Kind"::Customer:
                if Customer.GetBySystemId(Rec."Record Id") then
                    Page.Run(Page::"Customer Card", Customer);
            Rec."Record Kind"::"Sales Order":
                if SalesHeader.GetBySystemId(Rec."Record Id") then
                    Page.Run(Page::"Sales Order", SalesHeader);
            Rec."Record Kind"::"Sales Invoice":
                if SalesHeader.GetBySystemId(Rec."Record Id") then
                    Page.Run(Page::"Sales Invoice", SalesHeader);
        end;
    end;
}
