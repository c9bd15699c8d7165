pageextension 62202 "WINS Item Attribute" extends "Item Attribute"
{
    layout
    {
        addlast(content)
        {
            group(WINSWinstore)
            {
                Caption = 'Winstore', Locked = true;

                field(WINSUse; Rec."WINS Use")
                {
                    ApplicationArea = All;
                }
                field(WINSCode; Rec."WINS Code")
                {
                    ApplicationArea = All;
                }
            }
        }
    }
}
