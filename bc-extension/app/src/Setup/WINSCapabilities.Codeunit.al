/// <summary>
/// Tells what this version of the app has, and what the user may do with it.
/// </summary>
codeunit 62206 "WINS Capabilities"
{
    Access = Internal;

    var
        FirstVersionTok: Label '1.0.0.0', Locked = true;
        ChangesVersionTok: Label '1.1.0.0', Locked = true;

    /// <summary>
    /// Fills a temporary record with one row for each entity set.
    /// </summary>
    procedure List(var TempCapability: Record "WINS Capability" temporary)
    begin
        TempCapability.DeleteAll();
        Add(TempCapability, 'capabilities', FirstVersionTok, Database::"WINS Capability");
        Add(TempCapability, 'itemSettings', FirstVersionTok, Database::Item);
        Add(TempCapability, 'itemAttributes', FirstVersionTok, Database::"Item Attribute");
        Add(TempCapability, 'itemAttributeValues', FirstVersionTok, Database::"Item Attribute Value");
        Add(TempCapability, 'itemAttributeMappings', FirstVersionTok, Database::"Item Attribute Value Mapping");
        Add(TempCapability, 'itemBarcodes', FirstVersionTok, Database::"Item Reference");
        Add(TempCapability, 'itemUnits', FirstVersionTok, Database::"Item Unit of Measure");
        Add(TempCapability, 'itemCategorySettings', FirstVersionTok, Database::"Item Category");
        Add(TempCapability, 'salesPrices', FirstVersionTok, Database::"Price List Line");
        Add(TempCapability, 'customerSettings', FirstVersionTok, Database::Customer);
        Add(TempCapability, 'shipToAddresses', FirstVersionTok, Database::"Ship-to Address");
        Add(TempCapability, 'salesOrderSettings', FirstVersionTok, Database::"Sales Header");
        Add(TempCapability, 'orderRequests', FirstVersionTok, Database::"WINS Order Request");
        Add(TempCapability, 'orderRequestLines', FirstVersionTok, Database::"WINS Order Request Line");
        Add(TempCapability, 'stockChanges', FirstVersionTok, Database::"WINS Stock Change");
        Add(TempCapability, 'changeCursors', FirstVersionTok, Database::"WINS Change Cursor");
        Add(TempCapability, 'stockAdjustments', FirstVersionTok, Database::"WINS Stock Adjustment");
        Add(TempCapability, 'syncStates', FirstVersionTok, Database::"WINS Sync State");
        Add(TempCapability, 'inventoryLevels', FirstVersionTok, Database::"Item Ledger Entry");
        Add(TempCapability, 'salesDemands', FirstVersionTok, Database::"Sales Line");
        Add(TempCapability, 'reservedStocks', FirstVersionTok, Database::"Reservation Entry");
        Add(TempCapability, 'customerChanges', ChangesVersionTok, Database::Customer);
        Add(TempCapability, 'itemChanges', ChangesVersionTok, Database::Item);
        Add(TempCapability, 'itemVariantChanges', ChangesVersionTok, Database::"Item Variant");
        Add(TempCapability, 'salesOrderChanges', ChangesVersionTok, Database::"Sales Order Entity Buffer");
        Add(TempCapability, 'salesInvoiceChanges', ChangesVersionTok, Database::"Sales Invoice Entity Aggregate");
        Add(TempCapability, 'salesShipmentChanges', ChangesVersionTok, Database::"Sales Shipment Header");
        Add(TempCapability, 'purchaseOrderChanges', ChangesVersionTok, Database::"Purchase Order Entity Buffer");
    end;

    local procedure Add(var TempCapability: Record "WINS Capability" temporary; EntitySetName: Text[50]; SinceVersion: Text[30]; TableNo: Integer)
    var
        Setup: Record "WINS Setup";
        SourceRecordRef: RecordRef;
    begin
        SourceRecordRef.Open(TableNo);
        TempCapability.Init();
        TempCapability."Entity Set Name" := EntitySetName;
        TempCapability."App Version" := AppVersion();
        TempCapability."Since Version" := SinceVersion;
        TempCapability."Can Read" := SourceRecordRef.ReadPermission();
        TempCapability."Can Write" := SourceRecordRef.WritePermission();
        TempCapability."Sync Enabled" := Setup.IsSyncOn();
        TempCapability.SystemId := CreateGuid();
        TempCapability.Insert(false, true);
    end;

    local procedure AppVersion(): Text[30]
    var
        AppModuleInfo: ModuleInfo;
    begin
        NavApp.GetCurrentModuleInfo(AppModuleInfo);
        exit(CopyStr(Format(AppModuleInfo.AppVersion()), 1, 30));
    end;
}
