/// <summary>
/// Makes the setup, and allows retention policies for what grows.
/// </summary>
codeunit 62203 "WINS Install"
{
    Access = Internal;
    Subtype = Install;

    trigger OnInstallAppPerCompany()
    var
        Setup: Record "WINS Setup";
    begin
        if not Setup.Get() then begin
            Setup."Sync Enabled" := true;
            Setup.Insert(true);
        end;
        AllowRetention();
    end;

    // Order requests and stock adjustments are kept: they are the keys for which nothing is made or posted a second time.
    local procedure AllowRetention()
    var
        StockChange: Record "WINS Stock Change";
        SyncState: Record "WINS Sync State";
        RetenPolAllowedTables: Codeunit "Reten. Pol. Allowed Tables";
    begin
        RetenPolAllowedTables.AddAllowedTable(Database::"WINS Stock Change", StockChange.FieldNo(SystemCreatedAt));
        RetenPolAllowedTables.AddAllowedTable(Database::"WINS Sync State", SyncState.FieldNo(SystemModifiedAt));
    end;
}
