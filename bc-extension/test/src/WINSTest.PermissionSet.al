permissionset 62250 "WINS Test"
{
    Assignable = false;
    Caption = 'Winstore: tests', Locked = true;
    Permissions =
        codeunit "WINS Order Request Test" = X,
        codeunit "WINS Setup Test" = X,
        codeunit "WINS Stock Test" = X,
        codeunit "WINS Test Library" = X;
}
