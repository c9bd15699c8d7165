query 62200 "WINS Inventory Levels"
{
    QueryType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'inventoryLevel';
    EntitySetName = 'inventoryLevels';
    Caption = 'Inventory Levels', Locked = true;

    elements
    {
        dataitem(source; "Item Ledger Entry")
        {
            column(itemNumber; "Item No.")
            {
                Caption = 'Item number', Locked = true;
            }
            column(variantCode; "Variant Code")
            {
                Caption = 'Variant code', Locked = true;
            }
            column(locationCode; "Location Code")
            {
                Caption = 'Location code', Locked = true;
            }
            column(quantity; Quantity)
            {
                Caption = 'Quantity', Locked = true;
                Method = Sum;
            }
        }
    }
}
