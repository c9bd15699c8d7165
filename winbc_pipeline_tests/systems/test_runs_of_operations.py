"""Operations are run in calls of a size. What became of the others is told when one call fails."""

import pytest
from pydantic import SecretStr

from winbc_pipeline.errors import AuthenticationFailed, SystemUnavailable, UnreadableAnswer, WinbcError
from winbc_pipeline.settings import BusinessCentralSettings, Settings
from winbc_pipeline.systems.business_central import BusinessCentral, Operation, Result
from winbc_pipeline.systems.business_central.batch import NOT_KNOWN, NOT_RUN


class SecondCallFails(BusinessCentral):
    """A company whose second call ends with an error."""

    def __init__(self, error: WinbcError) -> None:
        user = {"base_url": "http://127.0.0.1:1/v2.0", "user": "winbc", "password": SecretStr("secret")}
        super().__init__(
            Settings(bc=BusinessCentralSettings.model_validate(user | {"batch_size": 2})), root="companies(1)"
        )
        self.error, self.calls = error, 0

    def batch(self, operations: list[Operation], isolated: bool = False) -> list[Result]:
        self.calls += 1
        if self.calls == 2:
            raise self.error
        return [Result(each.id, 204, {}) for each in operations]


@pytest.mark.parametrize(
    ("error", "status"),
    [(SystemUnavailable("It is down."), NOT_RUN), (UnreadableAnswer("It is cut off."), NOT_KNOWN)],
)
def test_each_operation_has_a_result_when_a_call_between_others_fails(error: WinbcError, status: int) -> None:
    client = SecondCallFails(error)
    results = client.run([Operation(str(number), "DELETE", f"items({number})") for number in range(5)])
    client.close()
    assert [(each.id, each.status) for each in results] == [
        ("0", 204),
        ("1", 204),
        ("2", status),
        ("3", status),
        ("4", 204),
    ]


def test_refused_credentials_are_an_error_and_a_result_only_where_nothing_may_get_lost() -> None:
    operations = [Operation(str(number), "POST", "items") for number in range(3)]
    client = SecondCallFails(AuthenticationFailed("They are refused."))
    with pytest.raises(AuthenticationFailed):
        client.run(operations)
    client.calls = 0
    assert [each.status for each in client.run(operations, (WinbcError,))] == [204, 204, NOT_RUN]
    client.close()
