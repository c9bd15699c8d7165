pageextension 62201 "WINS Item Card" extends "Item Card"
{
    layout
    {
        addlast(content)
        {
            group(WINSWinstore)
            {
                Caption = 'Winstore', Locked = true;

                field("WINS Sync"; "WINS Sync")
                {
                    ApplicationArea = All;
                    ToolTip = 'Specifies whether the item is kept in step with Winstore.', Comment = 'nl-NL="Hiermee wordt aangegeven of het artikel met Winstore wordt gesynchroniseerd."';
                }
                field("WINS Status"; "WINS Status")
                {
                    ApplicationArea = All;
                    ToolTip = 'Specifies whether the shop shows the item.', Comment = 'nl-NL="Hiermee wordt aangegeven of de winkel het artikel toont."';
                }
                field("WINS Manage Stock"; "WINS Manage Stock")
                {
                    ApplicationArea = All;
                    ToolTip = 'Specifies whether the shop keeps the stock of the item.', Comment = 'nl-NL="Hiermee wordt aangegeven of de winkel de voorraad van het artikel bijhoudt."';
                }
                field("WINS Product Kind"; "WINS Product Kind")
                {
                    ApplicationArea = All;
                    ToolTip = 'Specifies what kind of product the item is in the shop.', Comment = 'nl-NL="Hiermee wordt aangegeven wat voor product het artikel in de winkel is."';
                }
                field("WINS Parent Item No."; "WINS Parent Item No.")
                {
                    ApplicationArea = All;
                    ToolTip = 'Specifies the item of which this item is a variant in the shop.', Comment = 'nl-NL="Hiermee wordt het artikel aangegeven waarvan dit artikel in de winkel een variant is."';
                }
                field("WINS Short Description"; "WINS Short Description")
                {
                    ApplicationArea = All;
                    ToolTip = 'Specifies the short description in the shop.', Comment = 'nl-NL="Hiermee wordt de korte omschrijving in de winkel aangegeven."';
                }
                field("WINS Web Id"; "WINS Web Id")
                {
                    ApplicationArea = All;
                    ToolTip = 'Specifies the id of the product in the shop.', Comment = 'nl-NL="Hiermee wordt de id van het product in de winkel aangegeven."';
                }
            }
        }
    }
}
