query 62202 "WINS Reserved Stocks"
{
    QueryType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'reservedStock';
    EntitySetName = 'reservedStocks';
    Caption = 'Reserved Stocks', Locked = true;
    DataAccessIntent = ReadOnly;

    elements
    {
        dataitem(source; "Reservation Entry")
        {
            // 32 is the table Item Ledger Entry: what is reserved of the stock, and not of what will come.
            DataItemTableFilter = "Source Type" = const(32), "Reservation Status" = const(Reservation);

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
            column(quantity; "Quantity (Base)")
            {
                Caption = 'Quantity', Locked = true;
                Method = Sum;
            }
        }
    }
}
