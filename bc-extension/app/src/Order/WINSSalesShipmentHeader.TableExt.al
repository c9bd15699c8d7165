tableextension 62204 "WINS Sales Shipment Header" extends "Sales Shipment Header"
{
    fields
    {
        field(62220; "WINS Order No."; Code[50])
        {
            Caption = 'Winstore Order No.', Comment = 'nl-NL="Winstore-ordernr."';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the number of the order in Winstore.', Comment = 'nl-NL="Hiermee wordt het nummer van de order in Winstore aangegeven."';
        }
    }
}
