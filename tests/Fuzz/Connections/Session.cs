using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Reference;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>What one client sends over one connection, all of it known beforehand, and what a backend may see of it.</summary>
internal sealed class Session
{
    private const int MaxRequests = 64;

    private readonly List<(string Method, string Target, string Body)> _requests = [];
    private readonly Lock _lock = new();
    private int _seen;

    public Session(long id, ulong seed, string marker)
    {
        Id = id;
        Marker = marker;
        Random = FuzzRandom.Of(seed, id);
        var mutator = new Mutator(Corpus.Requests, Corpus.Dictionary);
        var one = new ByteText();
        for (var n = Random.Between(1, MaxRequests); n > 0; n--)
        {
            one.Clear();
            RequestTemplates.Add(one, marker, Random);
            if (Random.Once(20))
            {
                mutator.Change(one, Random, Random.Between(1, 3));
            }

            Bytes.Add(one.Span);
        }

        Bytes.Add($"GET /{marker}/end HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        ReadOwnRequests();
    }

    public long Id { get; }

    public string Marker { get; }

    public FuzzRandom Random { get; }

    public ByteText Bytes { get; } = new();

    /// <summary>True where the bytes end inside a request: only the client's FIN ends the wait for the rest.</summary>
    public bool EndsInside { get; private set; }

    /// <summary>The method of each request, in order.</summary>
    public string MethodOf(int index) => index < _requests.Count ? _requests[index].Method : "GET";

    /// <summary>Most answers that the connection can get: one for each request and one for what is no request.</summary>
    public int MaxAnswers => _requests.Count + 1;

    /// <summary>Notes a request that a backend saw. False where the client did not send it, or not now: they come in order, a repeated one right behind the first.</summary>
    public bool TrySee(ReferenceMessage request)
    {
        lock (_lock)
        {
            for (var i = Math.Max(0, _seen - 1); i < _requests.Count; i++)
            {
                var (method, target, body) = _requests[i];
                if (method == request.Method && target == request.Target
                    && (body == request.Body || (request.Reading == Reading.Incomplete && body.StartsWith(request.Body, StringComparison.Ordinal))))
                {
                    _seen = i + 1;
                    return true;
                }
            }

            return false;
        }
    }

    // A request whose body does not end is forwarded as far as it goes, so the last one counts with what there is of it.
    private void ReadOwnRequests()
    {
        for (ReadOnlySpan<byte> rest = Bytes.Span; !rest.IsEmpty;)
        {
            var request = ReferenceParser.Request(rest);
            if (request.HasHead)
            {
                _requests.Add((request.Method, ReferenceParser.Destination(request).Target, request.Body));
            }

            if (request.Reading != Reading.Complete)
            {
                EndsInside = request.Reading == Reading.Incomplete;
                return;
            }

            rest = rest[request.Consumed..];
        }
    }
}
