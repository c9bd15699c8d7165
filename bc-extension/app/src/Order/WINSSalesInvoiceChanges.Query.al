query 62207 "WINS Sales Invoice Changes"
{
    QueryType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'salesInvoiceChange';
    EntitySetName = 'salesInvoiceChanges';
    Caption = 'Sales Invoice Changes', Locked = true;
    OrderBy = ascending(lastModifiedDateTime);

    elements
    {
        dataitem(source; "Sales Invoice Entity Aggregate")
        {
            column(id; Id)
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
