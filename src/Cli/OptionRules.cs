using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;

namespace KubeProxyNet.Cli;

/// <summary>What the values of options must be; what breaks a rule is a wrong command line.</summary>
internal static class OptionRules
{
    private const int MaxPort = 65535;

    /// <summary>A whole number in a range.</summary>
    public static Option<int> InRange(this Option<int> option, int least, int most = int.MaxValue)
    {
        option.Validators.Add(result =>
        {
            // What is no number at all is reported by the parser.
            if (TextOf(result) is { } text && int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) && (value < least || value > most))
            {
                result.AddError(most == int.MaxValue ? $"{option.Name} must be at least {least}" : $"{option.Name} must be from {least} to {most}");
            }
        });
        return option;
    }

    /// <summary>A TCP port; 0 takes a free one.</summary>
    public static Option<int> AsPort(this Option<int> option) => option.InRange(0, MaxPort);

    /// <summary>A TCP port as it stands in a URL.</summary>
    public static Option<int?> AsPortOfUrl(this Option<int?> option)
    {
        option.Validators.Add(result =>
        {
            if (TextOf(result) is { } text && int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) && value is < 1 or > MaxPort)
            {
                result.AddError($"{option.Name} must be from 1 to {MaxPort}");
            }
        });
        return option;
    }

    /// <summary>A Kubernetes object, as <c>NAMESPACE/NAME</c>.</summary>
    public static Option<string?> AsObjectName(this Option<string?> option)
    {
        option.Validators.Add(result =>
        {
            if (TextOf(result) is { } text && (text.Split('/') is not [var space, var name] || space.Length == 0 || name.Length == 0))
            {
                result.AddError($"{option.Name}: \"{text}\" names no object; write NAMESPACE/NAME such as default/wildcard-cert");
            }
        });
        return option;
    }

    /// <summary>An IP address.</summary>
    public static Option<string> AsAddress(this Option<string> option)
    {
        option.Validators.Add(result =>
        {
            if (TextOf(result) is { } text && !IPAddress.TryParse(text, out _))
            {
                result.AddError($"{option.Name}: \"{text}\" is no IP address; write one such as 0.0.0.0 or 127.0.0.1");
            }
        });
        return option;
    }

    /// <summary>An IP address and a port.</summary>
    public static Option<string> AsAddressAndPort(this Option<string> option)
    {
        option.Validators.Add(result =>
        {
            if (TextOf(result) is { } text && !TryParse(text, out _))
            {
                result.AddError($"{option.Name}: \"{text}\" is no address; write an IP address and a port, such as 127.0.0.1:18000");
            }
        });
        return option;
    }

    /// <summary>Reads what <see cref="AsAddressAndPort"/> lets through.</summary>
    public static IPEndPoint ParseAddressAndPort(string text) => TryParse(text, out var address) ? address : throw new FormatException(text);

    // The library takes "127.0.0.1" and "::1" for addresses with port 0; here the port has to be written.
    private static bool TryParse(string text, out IPEndPoint address)
    {
        address = IPEndPoint.TryParse(text, out var parsed) ? parsed : new IPEndPoint(IPAddress.None, 0);
        return parsed is not null && text.EndsWith($":{parsed.Port}", StringComparison.Ordinal) && (text[0] == '[' || text.Count(static c => c == ':') == 1);
    }

    private static string? TextOf(OptionResult result) => result.Tokens.Count > 0 ? result.Tokens[0].Value : null;
}
