pageextension 62200 "WINS Order Processor RC" extends "Order Processor Role Center"
{
    layout
    {
        addlast(rolecenter)
        {
            part(WINSActivities; "WINS Activities")
            {
                ApplicationArea = All;
            }
        }
    }
}
