query 62201 "WINS Sales Demands"
{
    QueryType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'salesDemand';
    EntitySetName = 'salesDemands';
    Caption = 'Sales Demands', Locked = true;
    DataAccessIntent = ReadOnly;

    elements
    {
        dataitem(source; "Sales Line")
        {
            DataItemTableFilter = "Document Type" = const(Order), Type = const(Item), "Outstanding Qty. (Base)" = filter(<> 0);

            column(itemNumber; "No.")
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
            column(quantity; "Outstanding Qty. (Base)")
            {
                Caption = 'Quantity', Locked = true;
                Method = Sum;
            }
            dataitem(header; "Sales Header")
            {
                DataItemLink = "Document Type" = source."Document Type", "No." = source."Document No.";
                SqlJoinType = InnerJoin;

                column(orderStatus; Status)
                {
                    Caption = 'Order status', Locked = true;
                }
            }
        }
    }
}
