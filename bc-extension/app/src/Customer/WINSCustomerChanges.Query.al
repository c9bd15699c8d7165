query 62203 "WINS Customer Changes"
{
    QueryType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'customerChange';
    EntitySetName = 'customerChanges';
    Caption = 'Customer Changes', Locked = true;
    OrderBy = ascending(lastModifiedDateTime);

    elements
    {
        dataitem(source; Customer)
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
