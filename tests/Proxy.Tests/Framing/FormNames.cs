namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>Names of forms carry the odd bytes that they are about; names of tests do not.</summary>
internal static class FormNames
{
    public static string Printable(string name) => string.Concat(name.Select(static c => c is >= ' ' and < '\u007f' ? $"{c}" : $"\\x{(int)c:x2}"));
}
