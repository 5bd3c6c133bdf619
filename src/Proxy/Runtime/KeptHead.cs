using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>
/// A head as it was sent, kept until the exchange is logged: what the log shows is what the other side got, whoever added or removed a field.
/// Its fields are looked up only once somebody asks. Pooled with its exchange.
/// </summary>
internal sealed class KeptHead<T>(T head)
    where T : MessageHead
{
    private const int SmallestStorage = 1024;

    private byte[] _bytes = [];
    private int _length;
    private bool _isRead;

    /// <summary>True where a head was kept.</summary>
    public bool IsKept => _length > 0;

    /// <summary>The head, with its fields.</summary>
    public T Head
    {
        get
        {
            if (!_isRead)
            {
                _isRead = true;
                SentHeadReader.Read(head, _bytes, _length);
            }

            return head;
        }
    }

    /// <summary>Keeps a head: its first line, its fields and its empty line, as HTTP/1.1.</summary>
    public void Keep(ReadOnlySpan<byte> sent)
    {
        if (_bytes.Length < sent.Length)
        {
            _bytes = new byte[Math.Max(SmallestStorage, sent.Length * 2)];
        }

        sent.CopyTo(_bytes);
        _length = sent.Length;
        _isRead = false;
    }

    /// <summary>Forgets it.</summary>
    public void Reset()
    {
        if (!IsKept)
        {
            return;
        }

        _length = 0;
        _isRead = false;
        head.Reset();
    }
}

/// <summary>Finds the fields of heads that we composed ourselves, which need no judging.</summary>
internal static class SentHeadReader
{
    /// <summary>Fills a head from the bytes that were sent; names become lower case where they stand.</summary>
    public static void Read(MessageHead head, byte[] bytes, int length)
    {
        head.Reset();
        head.Bytes = bytes;
        var sent = bytes.AsSpan(0, length);
        var start = sent.IndexOf("\r\n"u8) + 2;
        var firstLine = sent[..(start - 2)];
        while (start < length)
        {
            var line = sent[start..];
            var end = line.IndexOf("\r\n"u8);
            var colon = line.IndexOf((byte)':');
            if (end <= 0 || colon < 0 || colon > end)
            {
                break;
            }

            var name = line[..colon];
            System.Text.Ascii.ToLowerInPlace(name, out _);
            var value = line[(colon + 1)..end];
            var trimmed = value.TrimStart((byte)' ');
            head.AddField(
                new Slice(start, colon), new Slice(start + end - trimmed.Length, trimmed.TrimEnd((byte)' ').Length), KnownHeaders.Identify(name));
            start += end + 2;
        }

        if (head is RequestHead request)
        {
            ReadRequestLine(request, firstLine);
        }
        else if (head is ResponseHead response && System.Buffers.Text.Utf8Parser.TryParse(firstLine[9..], out int status, out _))
        {
            response.Status = status;
        }
    }

    private static void ReadRequestLine(RequestHead request, ReadOnlySpan<byte> line)
    {
        var method = line.IndexOf((byte)' ');
        var target = line[(method + 1)..];
        target = target[..target.LastIndexOf((byte)' ')];
        var question = target.IndexOf((byte)'?');
        request.MethodSlice = new Slice(0, method);
        request.TargetSlice = new Slice(method + 1, target.Length);
        request.PathSlice = new Slice(method + 1, question < 0 ? target.Length : question);
        request.QuerySlice = question < 0 ? default : new Slice(method + 2 + question, target.Length - question - 1);
        foreach (ref readonly var field in request.Fields)
        {
            if (field.Id == KnownHeader.Host)
            {
                request.AuthoritySlice = field.Value;
                break;
            }
        }
    }
}
