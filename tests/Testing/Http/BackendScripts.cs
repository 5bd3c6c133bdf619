using System.Text;

namespace KubeProxyNet.Testing.Http;

/// <summary>Ready-made behaviours of a backend, good and bad.</summary>
public static class BackendScripts
{
    /// <summary>Answers each request of a kept-alive connection by a function; ends where the request asks for it.</summary>
    public static BackendScript EachRequest(Func<BackendConnection, RawRequest, Task> answer) => async connection =>
    {
        while (await connection.ReadRequestAsync() is { } request)
        {
            await answer(connection, request);
            if (request.WantsClose)
            {
                return;
            }
        }
    };

    /// <summary>Gives each request the next of these answers, in the ledger's order over all connections; the last one to all that follow.</summary>
    public static BackendScript EachRequestInTurn(params Func<BackendConnection, RawRequest, Task>[] answers) =>
        EachRequest((connection, request) => answers[Math.Min(request.Arrival, answers.Length) - 1](connection, request));

    /// <summary>Answers each request with the same raw bytes (Latin-1), right or wrong as they may be.</summary>
    public static BackendScript AnswerRaw(string response) => EachRequest((connection, _) => connection.SendAsync(response));

    /// <summary>Answers each request with a well-formed response, without a body to HEAD.</summary>
    public static BackendScript Answer(int status, string body = "", params RawHeader[] headers) => EachRequest((connection, request) =>
        connection.SendAsync(ResponseText(status, body, headers, withBody: request.Method != "HEAD")));

    /// <summary>Answers 200 with the request as JSON: see <see cref="EchoedRequest"/>.</summary>
    public static BackendScript Echo() => EachRequest((connection, request) => connection.SendAsync(
        ResponseText(
            200,
            EchoedRequest.ToJson(connection.BackendName, request),
            [new("content-type", "application/json")],
            withBody: request.Method != "HEAD")));

    /// <summary>Reads requests and never answers.</summary>
    public static BackendScript Hang() => EachRequest((connection, _) => Task.Delay(Timeout.Infinite, connection.Stopping));

    /// <summary>Reads a request, answers nothing, and waits for the peer to end the connection.</summary>
    public static BackendScript AnswerNothing() => async connection =>
    {
        await connection.ReadRequestAsync();
        await connection.DrainAsync();
    };

    /// <summary>Waits for the signal before each answer of the inner script's connections.</summary>
    public static BackendScript After(Signal signal, BackendScript then) => async connection =>
    {
        await signal.WaitAsync(connection.Stopping);
        await then(connection);
    };

    /// <summary>Reads a request, waits for the signal, then answers as <see cref="Answer"/> does.</summary>
    public static BackendScript AnswerAfter(Signal signal, int status, string body = "") => EachRequest(async (connection, request) =>
    {
        await signal.WaitAsync(connection.Stopping);
        await connection.SendAsync(ResponseText(status, body, [], withBody: request.Method != "HEAD"));
    });

    /// <summary>Ends each connection in an orderly way before reading anything.</summary>
    public static BackendScript CloseOnAccept() => _ => Task.CompletedTask;

    /// <summary>Resets each connection before reading anything.</summary>
    public static BackendScript ResetOnAccept() => connection =>
    {
        connection.Reset();
        return Task.CompletedTask;
    };

    /// <summary>Reads one request and ends the connection without an answer.</summary>
    public static BackendScript CloseWithoutAnswer() => connection => connection.ReadRequestAsync();

    /// <summary>Reads one request and resets the connection without an answer.</summary>
    public static BackendScript ResetWithoutAnswer() => async connection =>
    {
        await connection.ReadRequestAsync();
        connection.Reset();
    };

    /// <summary>Reads one request, sends the first <paramref name="count"/> bytes of a raw response and ends the connection.</summary>
    public static BackendScript CloseAfter(string response, int count) => async connection =>
    {
        await connection.ReadRequestAsync();
        await connection.SendAsync(response[..count]);
    };

    /// <summary>Reads one request and ends the connection inside the response's head.</summary>
    public static BackendScript CloseMidHead() => CloseAfter("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-half: ye", 44);

    /// <summary>Announces <paramref name="contentLength"/> bytes, sends <paramref name="sent"/> of them and ends the connection.</summary>
    public static BackendScript CloseMidBody(int contentLength = 100, int sent = 10)
    {
        var head = $"HTTP/1.1 200 OK\r\ncontent-length: {contentLength}\r\n\r\n";
        return CloseAfter(head + new string('x', contentLength), head.Length + sent);
    }

    /// <summary>Sends a chunk of a chunked body and ends the connection without the last chunk.</summary>
    public static BackendScript CloseMidChunks() => async connection =>
    {
        await connection.ReadRequestAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    };

    /// <summary>Sends a raw response one byte a segment.</summary>
    public static BackendScript Slowly(string response) => EachRequest((connection, _) => connection.SendByteByByteAsync(response));

    /// <summary>Sends 100 Continue after the head, reads the body, then echoes as <see cref="Echo"/> does.</summary>
    public static BackendScript Continue() => async connection =>
    {
        while (await connection.ReadHeadAsync() is { } head)
        {
            await connection.SendAsync("HTTP/1.1 100 Continue\r\n\r\n");
            var request = await connection.ReadBodyAsync(head);
            var json = EchoedRequest.ToJson(connection.BackendName, request);
            await connection.SendAsync(ResponseText(200, json, [], withBody: true));
        }
    };

    /// <summary>Answers with a chunked body, each chunk in a segment of its own, and trailers where given.</summary>
    public static BackendScript Chunked(IReadOnlyList<string> chunks, params RawHeader[] trailers) => EachRequest(async (connection, _) =>
    {
        await connection.SendAsync("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        foreach (var chunk in chunks)
        {
            await connection.SendAsync($"{chunk.Length:x}\r\n{chunk}\r\n");
        }

        await connection.SendAsync($"0\r\n{string.Concat(trailers.Select(t => $"{t}\r\n"))}\r\n");
    });

    /// <summary>Answers with a body that ends with the connection.</summary>
    public static BackendScript UntilClose(string body) => async connection =>
    {
        await connection.ReadRequestAsync();
        await connection.SendAsync($"HTTP/1.1 200 OK\r\n\r\n{body}");
    };

    /// <summary>Answers so many requests a connection, then ends it; the last answer says so where <paramref name="announced"/>.</summary>
    public static BackendScript KeepAliveFor(int requests, string body = "ok", bool announced = false) => async connection =>
    {
        for (var left = requests; left > 0 && await connection.ReadRequestAsync() is not null; left--)
        {
            RawHeader[] headers = announced && left == 1 ? [new("connection", "close")] : [];
            await connection.SendAsync(ResponseText(200, body, headers, withBody: true));
        }
    };

    /// <summary>Plays another script on each connection in turn; the last one stays.</summary>
    public static BackendScript InTurn(params BackendScript[] scripts) =>
        connection => scripts[Math.Min(connection.Number, scripts.Length) - 1](connection);

    /// <summary>A response with a content-length, as raw text.</summary>
    public static string ResponseText(int status, string body, IEnumerable<RawHeader> headers, bool withBody)
    {
        var text = new StringBuilder($"HTTP/1.1 {status} Scripted\r\n");
        foreach (var header in headers)
        {
            text.Append($"{header}\r\n");
        }

        if (status is not (204 or 304))
        {
            text.Append($"content-length: {body.Length}\r\n");
        }

        return text.Append("\r\n").Append(withBody ? body : "").ToString();
    }
}
