/// <summary>
/// Tells what this version of the app has, and what the user may do with it.
/// </summary>
codeunit 62206 "WINS Capabilities"
{
    var
        FirstVersionTok: Label '1.0.0.0', Locked = true;

    /// <summary>
    /// Fills a temporary record with one row for each entity set.
    /// </summary>
    procedure List(var TempCapability: Record "WINS Capability" temporary)
    begin
        TempCapability.DeleteAll();
        Add(TempCapability, 'capabilities', Database::"WINS Capability");
        Add(TempCapability, 'itemSettings', Database::Item);
        Add(TempCapability, 'inventoryLevels', Database::"Item Ledger Entry");
        Add(TempCapability, 'salesDemands', Database::"Sales Line");
    end;

    local procedure Add(var TempCapability: Record "WINS Capability" temporary; EntitySetName: Text[50]; TableNo: Integer)
    var
        SourceRecordRef: RecordRef;
        AppModuleInfo: ModuleInfo;
    begin
        SourceRecordRef.Open(TableNo);
        NavApp.GetCurrentModuleInfo(AppModuleInfo);
        TempCapability.Init();
        TempCapability.Id := CreateGuid();
        TempCapability."Entity Set Name" := EntitySetName;
        TempCapability."App Version" := CopyStr(Format(AppModuleInfo.AppVersion()), 1, MaxStrLen(TempCapability."App Version"));
        TempCapability."Since Version" := FirstVersionTok;
        TempCapability."Can Read" := SourceRecordRef.ReadPermission();
        TempCapability."Can Write" := SourceRecordRef.WritePermission();
        TempCapability.Insert();
    end;
}
