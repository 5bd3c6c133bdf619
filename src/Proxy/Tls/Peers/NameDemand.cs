using System.Text;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls.Peers;

/// <summary>Compares the names of a certificate with those that are demanded.</summary>
internal static class NameDemand
{
    /// <summary>True where one name is as one matcher demands, or nothing is demanded.</summary>
    public static bool IsMet(IReadOnlyList<SubjectAltName> names, IReadOnlyList<SanMatcher> demanded)
    {
        foreach (var matcher in demanded)
        {
            foreach (var name in names)
            {
                if (name.Type == matcher.Type && name.Oid == matcher.Oid && IsMet(name, matcher.Text))
                {
                    return true;
                }
            }
        }

        return demanded.Count == 0;
    }

    /// <summary>True where a certificate's DNS name stands for a host: in any case, with a wildcard for the whole first label (RFC 6125 section 6.4).</summary>
    public static bool IsFor(string certificateName, string host)
    {
        if (!certificateName.StartsWith("*.", StringComparison.Ordinal))
        {
            return certificateName.Equals(host, StringComparison.OrdinalIgnoreCase);
        }

        var dot = host.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && certificateName.AsSpan(1).Equals(host.AsSpan(dot), StringComparison.OrdinalIgnoreCase);
    }

    private static bool IsMet(SubjectAltName name, INameMatcher demanded) =>
        name.Type == SanType.Dns && demanded.Exact is { } host ? IsFor(name.Text, host) : demanded.Matches(Encoding.UTF8.GetBytes(name.Text));
}
