query 62208 "WINS Sales Shipment Changes"
{
    QueryType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'salesShipmentChange';
    EntitySetName = 'salesShipmentChanges';
    Caption = 'Sales Shipment Changes', Locked = true;
    OrderBy = ascending(lastModifiedDateTime);

    elements
    {
        dataitem(source; "Sales Shipment Header")
        {
            column(id; SystemId)
            {
                Caption = 'Id', Locked = true;
            }
            column(rowVersion; SystemRowVersion)
            {
                Caption = 'Row version', Locked = true;
            }
            column(lastModifiedDateTime; SystemModifiedAt)
            {
                Caption = 'Last modified date time', Locked = true;
            }
        }
    }
}
