using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>
/// The forms that Kubernetes demands of names and addresses. Each check returns what is wrong with the text, or null when nothing is.
/// Source: "Object Names and IDs" of the Kubernetes documentation and the field descriptions of the API.
/// </summary>
internal static class Names
{
    private static readonly SearchValues<char> LabelCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>A DNS label: namespaces, port names.</summary>
    public static string? Label(string text) =>
        IsLabel(text) ? null : "must be 1 to 63 lower-case letters, digits or '-', and begin and end with a letter or digit";

    /// <summary>A DNS label that begins with a letter: Services.</summary>
    public static string? ServiceLabel(string text) =>
        IsLabel(text) && !char.IsAsciiDigit(text[0]) ? null : "must be 1 to 63 lower-case letters, digits or '-', begin with a letter and end with a letter or digit";

    /// <summary>DNS labels with dots between them: most object names, exact hosts.</summary>
    public static string? Subdomain(string text) => IsSubdomain(text)
        ? null
        : "must be at most 253 characters: labels of lower-case letters, digits or '-', with dots between them";

    /// <summary>The name of a container's port: short, and with a letter in it so that it cannot be taken for a number.</summary>
    public static string? ContainerPortName(string text) =>
        text.Length <= 15 && IsLabel(text) && !text.Contains("--", StringComparison.Ordinal) && text.AsSpan().ContainsAnyInRange('a', 'z')
            ? null
            : "must be 1 to 15 lower-case letters, digits or '-', with at least one letter";

    /// <summary>A host of an Ingress rule: a host name, or one with <c>*</c> for its first label; never an address or a port.</summary>
    public static string? IngressHost(string text)
    {
        if (IPAddress.TryParse(text, out _))
        {
            return "must be a DNS name, not an IP address";
        }

        if (!text.Contains('*', StringComparison.Ordinal))
        {
            return Subdomain(text);
        }

        return text.StartsWith("*.", StringComparison.Ordinal) && IsSubdomain(text.AsSpan(2))
            ? null
            : "may have a wildcard only as its whole first label, as in *.example.com";
    }

    /// <summary>An address of an EndpointSlice of this family, in canonical form. Loopback addresses are allowed, for trials on one machine.</summary>
    public static string? Address(string text, AddressFamily family)
    {
        if (!IPAddress.TryParse(text, out var address) || address.AddressFamily != family || text.Contains('%', StringComparison.Ordinal))
        {
            return $"must be an {(family == AddressFamily.InterNetwork ? "IPv4" : "IPv6")} address";
        }

        if (family == AddressFamily.InterNetwork && address.ToString() != text)
        {
            return "must be an IPv4 address of four plain decimal numbers";
        }

        var bytes = address.GetAddressBytes();
        var isLinkLocal = address.IsIPv6LinkLocal || (family == AddressFamily.InterNetwork && bytes[0] == 169 && bytes[1] == 254);
        var isMulticast = address.IsIPv6Multicast || (family == AddressFamily.InterNetwork && bytes[0] is >= 224 and <= 239);
        var isUnspecified = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
        return isLinkLocal || isMulticast || isUnspecified ? "must not be an unspecified, link-local or multicast address" : null;
    }

    private static bool IsSubdomain(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > 253)
        {
            return false;
        }

        foreach (var label in text.Split('.'))
        {
            if (!IsLabel(text[label]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsLabel(ReadOnlySpan<char> text) =>
        text.Length is > 0 and <= 63 && text[0] != '-' && text[^1] != '-' && !text.ContainsAnyExcept(LabelCharacters);
}
