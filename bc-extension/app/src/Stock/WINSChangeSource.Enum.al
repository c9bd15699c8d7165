enum 62204 "WINS Change Source"
{
    Extensible = false;

    value(0; "Item Ledger Entry")
    {
        Caption = 'Item Ledger Entry', Comment = 'nl-NL="Artikelpost"';
    }
    value(1; "Sales Line")
    {
        Caption = 'Sales Line', Comment = 'nl-NL="Verkoopregel"';
    }
}
