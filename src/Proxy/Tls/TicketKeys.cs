using System.Security.Cryptography;
using KubeProxyNet.Proxy.Tls.OpenSsl;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>
/// The keys of session tickets (RFC 5077 section 4): configured ones, or ones of this process that are renewed by themselves, so that who steals a key reads
/// little. All workers share them. Any thread may call any member.
/// </summary>
internal sealed unsafe class TicketKeys
{
    /// <summary>Bytes of a configured key: a name of 16, then 32 for HMAC-SHA256, then 32 for AES-256, as in Envoy.</summary>
    public const int KeyLength = NameLength + 32 + 32;

    /// <summary>Answers of the library's callback: go on, and go on with a new ticket for the client.</summary>
    public const int Taken = 1, TakenAndRenewed = 2;

    private const int NameLength = 16;
    private const int VectorLength = 16;

    /// <summary>How long tickets are made with one key of this process; they are read for as long again.</summary>
    private static readonly TimeSpan Renewal = TimeSpan.FromHours(12);

    private static readonly Lazy<nint> Cipher = new(FetchCipher);

    private readonly TimeProvider? _time;
    private readonly Lock _gate = new();
    private volatile byte[][] _keys;
    private long _renewedAt;

    /// <summary>Configured keys in Base64: the first encrypts, all decrypt.</summary>
    public TicketKeys(IEnumerable<string> keys) => _keys = [.. keys.Select(Convert.FromBase64String)];

    /// <summary>Keys of this process.</summary>
    public TicketKeys(TimeProvider time)
    {
        _time = time;
        _renewedAt = time.GetTimestamp();
        _keys = [RandomNumberGenerator.GetBytes(KeyLength)];
    }

    /// <summary>Fills in the key and the vector of a ticket, as the library's callback asks.</summary>
    /// <returns>Its answers: 1 to go on, 2 to go on and renew the ticket, 0 where no key fits, -1 on failure.</returns>
    public int Apply(byte* name, byte* iv, nint cipher, nint mac, bool encrypts)
    {
        var keys = Current();
        if (encrypts)
        {
            keys[0].AsSpan(0, NameLength).CopyTo(new Span<byte>(name, NameLength));
            return LibCrypto.RandomBytes(iv, VectorLength) == 1 && Set(keys[0], iv, cipher, mac, encrypts) ? Taken : -1;
        }

        var wanted = new ReadOnlySpan<byte>(name, NameLength);
        for (var i = 0; i < keys.Length; i++)
        {
            if (keys[i].AsSpan(0, NameLength).SequenceEqual(wanted))
            {
                return !Set(keys[i], iv, cipher, mac, encrypts) ? -1 : i == 0 ? Taken : TakenAndRenewed;
            }
        }

        return 0;
    }

    private byte[][] Current()
    {
        if (_time is null || _time.GetElapsedTime(Volatile.Read(ref _renewedAt)) < Renewal)
        {
            return _keys;
        }

        lock (_gate)
        {
            if (_time.GetElapsedTime(_renewedAt) >= Renewal)
            {
                // What has not been used for two terms is not worth keeping.
                var isStale = _time.GetElapsedTime(_renewedAt) >= Renewal * 2;
                byte[] fresh = RandomNumberGenerator.GetBytes(KeyLength);
                _keys = isStale ? [fresh] : [fresh, _keys[0]];
                Volatile.Write(ref _renewedAt, _time.GetTimestamp());
            }

            return _keys;
        }
    }

    private static bool Set(byte[] key, byte* iv, nint cipher, nint mac, bool encrypts)
    {
        fixed (byte* start = key)
        fixed (byte* keyName = "key\0"u8, digestName = "digest\0"u8, digest = "SHA256\0"u8)
        {
            var parameters = stackalloc LibCrypto.Parameter[3];
            parameters[0] = new LibCrypto.Parameter { Key = keyName, DataType = LibCrypto.Parameter.OctetString, Data = start + NameLength, DataSize = 32 };
            parameters[1] = new LibCrypto.Parameter { Key = digestName, DataType = LibCrypto.Parameter.Utf8String, Data = digest, DataSize = 6 };
            parameters[2] = default;
            var aes = start + NameLength + 32;
            return LibCrypto.MacSetParameters(mac, parameters) == 1
                && (encrypts ? LibCrypto.EncryptInit(cipher, Cipher.Value, 0, aes, iv) : LibCrypto.DecryptInit(cipher, Cipher.Value, 0, aes, iv)) == 1;
        }
    }

    private static nint FetchCipher()
    {
        fixed (byte* name = "AES-256-CBC\0"u8)
        {
            return LibCrypto.CipherFetch(0, name, null);
        }
    }
}
