enum 62208 "WINS Record Kind"
{
    Extensible = false;

    value(0; Item)
    {
        Caption = 'Item', Comment = 'nl-NL="Artikel"';
    }
    value(1; Customer)
    {
        Caption = 'Customer', Comment = 'nl-NL="Klant"';
    }
    value(2; "Sales Order")
    {
        Caption = 'Sales Order', Comment = 'nl-NL="Verkooporder"';
    }
    value(3; "Sales Invoice")
    {
        Caption = 'Sales Invoice', Comment = 'nl-NL="Verkoopfactuur"';
    }
}
