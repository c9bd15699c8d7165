query 62205 "WINS Item Variant Changes"
{
    QueryType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'itemVariantChange';
    EntitySetName = 'itemVariantChanges';
    Caption = 'Item Variant Changes', Locked = true;
    OrderBy = ascending(lastModifiedDateTime);

    elements
    {
        dataitem(source; "Item Variant")
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
