/// <summary>
/// Switches synchronization off in a copied environment, and clears the addresses that lead to the live one.
/// </summary>
codeunit 62204 "WINS Environment Cleanup"
{
    Access = Internal;
    InherentEntitlements = X;
    InherentPermissions = X;

    [EventSubscriber(ObjectType::Codeunit, Codeunit::"Environment Cleanup", 'OnClearCompanyConfig', '', false, false)]
    [InherentPermissions(PermissionObjectType::TableData, Database::"WINS Setup", 'rm')]
    [InherentPermissions(PermissionObjectType::TableData, Database::"WINS Sync State", 'rm')]
    local procedure OnClearCompanyConfig(CompanyName: Text; SourceEnv: Enum "Environment Type"; DestinationEnv: Enum "Environment Type")
    var
        Setup: Record "WINS Setup";
        SyncState: Record "WINS Sync State";
    begin
        if CompanyName() <> CompanyName then begin
            Setup.ChangeCompany(CompanyName);
            SyncState.ChangeCompany(CompanyName);
        end;
        Setup.ModifyAll("Sync Enabled", false);
        Setup.ModifyAll("Dashboard Address", '');
        SyncState.ModifyAll(Link, '');
    end;
}
