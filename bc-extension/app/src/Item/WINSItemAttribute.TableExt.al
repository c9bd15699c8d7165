tableextension 62201 "WINS Item Attribute" extends "Item Attribute"
{
    fields
    {
        field(62210; "WINS Use"; Enum "WINS Attribute Use")
        {
            Caption = 'Winstore Use', Comment = 'nl-NL="Winstore-gebruik"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies what the shop uses the attribute for.', Comment = 'nl-NL="Hiermee wordt aangegeven waarvoor de winkel het kenmerk gebruikt."';
        }
        field(62211; "WINS Code"; Code[50])
        {
            Caption = 'Winstore Code', Comment = 'nl-NL="Winstore-code"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the code of the attribute in the shop.', Comment = 'nl-NL="Hiermee wordt de code van het kenmerk in de winkel aangegeven."';
        }
    }
}
