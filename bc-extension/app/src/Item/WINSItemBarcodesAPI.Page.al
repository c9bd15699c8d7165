page 62225 "WINS Item Barcodes API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'itemBarcode';
    EntitySetName = 'itemBarcodes';
    EntityCaption = 'Item barcode', Locked = true;
    EntitySetCaption = 'Item barcodes', Locked = true;
    SourceTable = "Item Reference";
    SourceTableView = where("Reference Type" = const("Bar Code"));
    ODataKeyFields = SystemId;
    DelayedInsert = true;
    Extensible = false;
    ModifyAllowed = false;

    layout
    {
        area(Content)
        {
            repeater(records)
            {
                field(id; Rec.SystemId)
                {
                    Caption = 'Id', Locked = true;
                    Editable = false;
                }
                field(itemNumber; Rec."Item No.")
                {
                    Caption = 'Item number', Locked = true;
                }
                field(variantCode; Rec."Variant Code")
                {
                    Caption = 'Variant code', Locked = true;
                }
                field(unitOfMeasureCode; Rec."Unit of Measure")
                {
                    Caption = 'Unit of measure code', Locked = true;
                }
                field(barcode; Rec."Reference No.")
                {
                    Caption = 'Barcode', Locked = true;
                }
                field(description; Rec.Description)
                {
                    Caption = 'Description', Locked = true;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'Last modified date time', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    trigger OnInsertRecord(BelowxRec: Boolean): Boolean
    begin
        Rec."Reference Type" := Rec."Reference Type"::"Bar Code";
        exit(true);
    end;
}
