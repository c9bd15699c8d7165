query 62204 "WINS Item Changes"
{
    QueryType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'itemChange';
    EntitySetName = 'itemChanges';
    Caption = 'Item Changes', Locked = true;
    OrderBy = ascending(lastModifiedDateTime);

    elements
    {
        dataitem(source; Item)
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
