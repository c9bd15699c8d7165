enum 62207 "WINS Sync Result"
{
    Extensible = false;

    value(0; Done)
    {
        Caption = 'Done', Comment = 'nl-NL="Gereed"';
    }
    value(1; Skipped)
    {
        Caption = 'Skipped', Comment = 'nl-NL="Overgeslagen"';
    }
    value(2; Failed)
    {
        Caption = 'Failed', Comment = 'nl-NL="Mislukt"';
    }
    value(3; Waiting)
    {
        Caption = 'Waiting', Comment = 'nl-NL="Wacht op een persoon"';
    }
}
