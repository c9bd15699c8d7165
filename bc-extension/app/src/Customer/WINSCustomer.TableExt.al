tableextension 62202 "WINS Customer" extends Customer
{
    fields
    {
        field(62215; "WINS Sync"; Boolean)
        {
            Caption = 'Winstore Sync', Comment = 'nl-NL="Winstore-synchronisatie"';
            DataClassification = CustomerContent;
            InitValue = true;
            ToolTip = 'Specifies whether the customer is kept in step with Winstore.', Comment = 'nl-NL="Hiermee wordt aangegeven of de klant met Winstore wordt gesynchroniseerd."';
        }
        field(62216; "WINS Web Id"; Code[50])
        {
            Caption = 'Winstore Web Id', Comment = 'nl-NL="Winstore-web-id"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the id of the customer in Winstore.', Comment = 'nl-NL="Hiermee wordt de id van de klant in Winstore aangegeven."';
        }
        field(62217; "WINS Template Code"; Code[20])
        {
            Caption = 'Winstore Template Code', Comment = 'nl-NL="Winstore-sjablooncode"';
            DataClassification = CustomerContent;
            TableRelation = "Customer Templ.";
            ToolTip = 'Specifies the customer template that Winstore has applied to the customer.', Comment = 'nl-NL="Hiermee wordt het klantsjabloon aangegeven dat Winstore op de klant heeft toegepast."';
        }
    }
}
