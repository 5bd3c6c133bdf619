using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>Sends a request and judges the response (Envoy documentation, "HTTP health checking").</summary>
internal sealed class HttpProbe : Probe
{
    /// <summary>Interim responses before the endpoint is taken to be broken.</summary>
    private const int MaxInterimResponses = 16;

    private readonly HttpHealthCheck _check;
    private readonly byte[] _request;
    private readonly ResponseHead _head = new();
    private readonly ResponseParser _parser;
    private BodyDecoder _body;
    private readonly HttpJudge _judge;
    private bool _hasStrayBytes;
    private bool _canBeKept;

    public HttpProbe(ClusterHealthChecks cluster, HttpHealthCheck check, ProbeTarget target)
        : base(cluster, target)
    {
        _check = check;
        _request = RequestOf(check, target.Config.Hostname is { Length: > 0 } hostname ? hostname : check.Host);
        _parser = new ResponseParser(_head);
        _judge = new HttpJudge(cluster, check);
    }

    /// <inheritdoc/>
    protected override bool CanBeKept => _canBeKept && !_hasStrayBytes;

    /// <inheritdoc/>
    protected override bool IsLossFailure => false;

    protected override async LoopTask<ProbeResult?> ExchangeAsync(Connection connection)
    {
        if (!connection.Send(_request))
        {
            return null;
        }

        // An endpoint that does not answer holds no memory meanwhile.
        if (await connection.Readable() == WaitResult.Interrupted)
        {
            return null;
        }

        var block = Worker.Blocks.Rent(BlockPool.Small);
        try
        {
            _parser.Begin(0);
            int end = 0, interim = 0;
            while (true)
            {
                var status = end > 0 ? _parser.Parse(block.Bytes, end) : ParseStatus.NeedMore;
                if (status == ParseStatus.Failed)
                {
                    return null;
                }

                if (status == ParseStatus.Done)
                {
                    if (_head.Status is >= 200 or 101)
                    {
                        break;
                    }

                    if (++interim > MaxInterimResponses)
                    {
                        return null;
                    }

                    block.Bytes.AsSpan(_parser.HeadEnd, end - _parser.HeadEnd).CopyTo(block.Bytes);
                    end -= _parser.HeadEnd;
                    _parser.Begin(0);
                    continue;
                }

                if (end == block.Bytes.Length)
                {
                    block = Grow(block, end);
                }

                var count = connection.Receive(block.Bytes.AsSpan(end));
                if (count > 0)
                {
                    end += count;
                }
                else if (count != Connection.WouldBlock || await connection.Readable() == WaitResult.Interrupted)
                {
                    return null;
                }
            }

            TakeHead();
            TakeBody(block.Bytes.AsSpan(_parser.HeadEnd, end - _parser.HeadEnd));
        }
        finally
        {
            Worker.Blocks.Return(block);
        }

        return await ReadBodyAsync(connection) ? _judge.Judge() : null;
    }

    /// <inheritdoc/>
    protected override bool HasEnded(Connection connection) => connection.HasUnreadInput();

    private static byte[] RequestOf(HttpHealthCheck check, string host)
    {
        var text = $"{check.Method} {check.Path} HTTP/1.1\r\nhost: {host}\r\n{check.HeaderLines}";
        var hasLength = check.Send.Bytes.Length > 0 || check.Method is "POST" or "PUT" or "PATCH" or "OPTIONS";
        text += hasLength ? $"content-length: {check.Send.Bytes.Length}\r\n\r\n" : "\r\n";
        return [.. Encoding.UTF8.GetBytes(text), .. check.Send.Bytes];
    }

    private Block Grow(Block block, int length)
    {
        // The parser refuses a head before the largest block is full.
        var larger = Worker.Blocks.Rent(length < BlockPool.Medium ? BlockPool.Medium : BlockPool.Large);
        block.Bytes.AsSpan(0, length).CopyTo(larger.Bytes);
        Worker.Blocks.Return(block);
        return larger;
    }

    /// <summary>Notes what matters of the head, whose bytes do not stay.</summary>
    private void TakeHead()
    {
        var framing = _head.Status == 101 ? BodyFraming.None : _parser.Framing(isHead: _check.Method == "HEAD");
        _body = BodyDecoder.For(framing);
        _hasStrayBytes = false;
        _canBeKept = !_parser.WantsClose && framing.Kind != BodyKind.UntilClose && _head.Status != 101;
        _judge.TakeHead(_head);
    }

    private void TakeBody(Span<byte> bytes)
    {
        while (bytes.Length > 0 && !_body.IsComplete && _body.Error == Http1Error.None)
        {
            var length = _body.Decode(bytes, out var consumed);
            _judge.TakeBody(bytes[..length]);
            bytes = bytes[consumed..];
        }

        _hasStrayBytes = bytes.Length > 0;
    }

    /// <summary>Reads the body to its end. False where there was none.</summary>
    private async LoopTask<bool> ReadBodyAsync(Connection connection)
    {
        var turn = default(TurnBudget);
        while (!_body.IsComplete)
        {
            if (_body.Error != Http1Error.None || HasTimedOut || connection.IsClosed)
            {
                return false;
            }

            var count = connection.Receive(Worker.ReceiveBuffer);
            if (count > 0)
            {
                TakeBody(Worker.ReceiveBuffer.AsSpan(0, count));
                turn.Spend(count);
                if (turn.IsSpent)
                {
                    turn.Renew();
                    await Worker.NextTurn();
                }
            }
            else if (count == Connection.EndOfStream)
            {
                _body.EndOfStream();
            }
            else if (count != Connection.WouldBlock || await connection.Readable() == WaitResult.Interrupted)
            {
                return false;
            }
        }

        return true;
    }
}
