"""A SQL warehouse that refuses statements as Databricks does.

A script of its environment, `python databricks_server.py PORT REFUSALS`, which answers by the
driver's own Thrift classes. REFUSALS is JSON: by the catalog of a session, by what is in a
statement, the text of the refusal. Any other statement succeeds and finds nothing.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from databricks.sql.thrift_api.TCLIService import TCLIService, ttypes
from thrift.protocol.TBinaryProtocol import TBinaryProtocol  # type: ignore[import-not-found]
from thrift.transport.TTransport import TMemoryBuffer  # type: ignore[import-not-found]

DONE = ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS)
VERSION = ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7


class Sessions:
    """Answers the calls of the driver; a session's handle is the name of its catalog."""

    def __init__(self, refusals: dict[str, dict[str, str]]) -> None:
        self._refusals = refusals

    def OpenSession(self, asked: Any) -> Any:  # noqa: ANN401, N802 - the driver's own classes and names
        """Enter any catalog: that there is none is told by the first statement."""
        catalog = asked.initialNamespace.catalogName
        named = ttypes.THandleIdentifier(guid=catalog.encode().ljust(16), secret=b"")
        return ttypes.TOpenSessionResp(
            status=DONE,
            serverProtocolVersion=VERSION,
            sessionHandle=ttypes.TSessionHandle(sessionId=named, serverProtocolVersion=VERSION),
            canUseMultipleCatalogs=True,
        )

    def ExecuteStatement(self, asked: Any) -> Any:  # noqa: ANN401, N802
        """Refuse a statement, or find nothing."""
        refusals = self._refusals[asked.sessionHandle.sessionId.guid.decode().strip()]
        refusal = next((text for part, text in refusals.items() if part in asked.statement), "")
        states = ttypes.TOperationState
        kind = ttypes.TPrimitiveTypeEntry(type=ttypes.TTypeId.STRING_TYPE)
        column = ttypes.TColumnDesc(
            columnName="found",
            typeDesc=ttypes.TTypeDesc(types=[ttypes.TTypeEntry(primitiveEntry=kind)]),
            position=1,
        )
        return ttypes.TExecuteStatementResp(
            status=DONE,
            operationHandle=ttypes.TOperationHandle(
                operationId=ttypes.THandleIdentifier(guid=b"o" * 16, secret=b""),
                operationType=ttypes.TOperationType.EXECUTE_STATEMENT,
                hasResultSet=True,
            ),
            directResults=ttypes.TSparkDirectResults(
                operationStatus=ttypes.TGetOperationStatusResp(
                    status=DONE,
                    operationState=states.ERROR_STATE if refusal else states.FINISHED_STATE,
                    displayMessage=refusal,
                ),
                resultSetMetadata=ttypes.TGetResultSetMetadataResp(
                    status=DONE,
                    schema=ttypes.TTableSchema(columns=[column]),
                    resultFormat=ttypes.TSparkRowSetType.COLUMN_BASED_SET,
                ),
                resultSet=ttypes.TFetchResultsResp(
                    status=DONE,
                    hasMoreRows=False,
                    results=ttypes.TRowSet(
                        startRowOffset=0,
                        rows=[],
                        columns=[
                            ttypes.TColumn(stringVal=ttypes.TStringColumn(values=[], nulls=b""))
                        ],
                    ),
                ),
                closeOperation=ttypes.TCloseOperationResp(status=DONE),
            ),
        )

    def CloseSession(self, _asked: Any) -> Any:  # noqa: ANN401, N802
        """Let go."""
        return ttypes.TCloseSessionResp(status=DONE)

    def CloseOperation(self, _asked: Any) -> Any:  # noqa: ANN401, N802
        """Let go."""
        return ttypes.TCloseOperationResp(status=DONE)


def main(port: int, refusals: dict[str, dict[str, str]]) -> None:
    """Answer until the process is ended."""
    processor = TCLIService.Processor(Sessions(refusals))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = TMemoryBuffer(self.rfile.read(int(self.headers["Content-Length"])))
            told = TMemoryBuffer()
            processor.process(TBinaryProtocol(asked), TBinaryProtocol(told))
            self.send_response(200)
            self.send_header("Content-Length", str(len(told.getvalue())))
            self.end_headers()
            self.wfile.write(told.getvalue())

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
