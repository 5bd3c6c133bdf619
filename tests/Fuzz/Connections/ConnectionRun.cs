namespace KubeProxyNet.Fuzz.Connections;

internal static class ConnectionRun
{
    public static bool Run(FuzzOptions options, TextWriter output) => throw new NotSupportedException(options.Target + output);
}
